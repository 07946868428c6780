"""Checks MP301 to MP303: whether whoever runs `up` reaches and may use the cluster that it makes, and nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from configuration.cluster import AccessEntry
from configuration.settings import Settings
from meshops.checks.model import Check, Table, Unavailable, Verdict
from meshops.preflight.aws import Caller, Endpoint

ACCESS = Check(
    id="MP301",
    section="Access",
    name="Access of the caller",
    shows="The principal whose credentials these are is ClusterAdmin in the settings, so `up` may make what it makes.",
    how="sts:GetCallerIdentity, a session taken back to its role, against cluster.access.",
    severity="critical",
    remedy="Add the principal to cluster.access, or run as one that is there.",
)

ENDPOINT = Check(
    id="MP302",
    section="Access",
    name="Way to the API server",
    shows="The cluster's endpoint admits a deployer, so `up` reaches the cluster that it makes.",
    how="The settings' public and private networks, and the endpoint of the cluster if there is one already.",
    severity="critical",
    remedy="For the first `up` from outside the VPC name your own address under cluster.publicAccessCidrs.",
)

ENTRIES = Check(
    id="MP303",
    section="Access",
    name="Nobody else has access",
    shows="Every access entry of the cluster is one of the settings': no administrator that no file names.",
    how="EKS's own list of access entries, but for its service role's and the nodes', against cluster.access.",
    severity="high",
    remedy="Take the entry away: aws eks delete-access-entry; or list the principal in cluster.access.",
)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """kind: `role`, `user`, or what else the caller is; name: without a path, unique in the account."""

    account: str
    kind: str
    name: str

    def is_named_by(self, arn: str) -> bool:
        """Whether an access entry's ARN is this principal's. A session does not say its role's path, and needs not."""
        account, resource = arn.split(":", 5)[4:]
        kind, _, path_and_name = resource.partition("/")
        return (account, kind, path_and_name.rpartition("/")[2]) == (self.account, self.kind, self.name)


def principal_of(arn: str) -> Principal:
    """`arn:aws:sts::1…:assumed-role/deploy/jane` -> the role deploy.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    account, resource = arn.split(":", 5)[4:]
    kind, _, rest = resource.partition("/")
    if kind == "assumed-role":
        return Principal(account=account, kind="role", name=rest.split("/")[0])
    return Principal(account=account, kind=kind, name=rest.rpartition("/")[2])


def check_access(settings: Settings, caller: Caller | Unavailable) -> Verdict:
    if isinstance(caller, Unavailable):
        return caller.verdict()
    principal = principal_of(caller.arn)
    you = f"You are the {principal.kind} {principal.name} of account {principal.account}"
    said = (f"AWS calls these credentials {caller.arn}.",)
    if settings.cluster.existing:
        return Verdict(
            status="unknown",
            finding=f"{you}; who has access to {settings.cluster.name} its owner says, not this stack.",
            evidence=said,
            remedy="Ask it: kubectl auth can-i '*' '*' --all-namespaces",
        )
    if principal.kind not in ("role", "user"):
        return Verdict(
            status="fail",
            finding=f"You are {caller.arn}: EKS gives access to roles and users only.",
            remedy="Assume a role that cluster.access names.",
        )
    entries = settings.cluster.access
    own = [entry for entry in entries if principal.is_named_by(entry.principal_arn)]
    table = _table(entries, principal)
    if any(entry.policy == "ClusterAdmin" for entry in own):
        return Verdict(status="pass", finding=f"{you}: ClusterAdmin.", evidence=said, table=table)
    has = f"has {', '.join(entry.policy for entry in own)} only" if own else "is not in cluster.access"
    arn = f"arn:aws:iam::{principal.account}:{principal.kind}/{principal.name}"
    return Verdict(
        status="fail",
        finding=f"{you}, which {has}: `up` would be refused at its first Kubernetes object.",
        evidence=said,
        remedy=f"Add {{principalArn: {arn}, policy: ClusterAdmin}} to cluster.access, with the path if it has one, or "
        "assume a role that is there.",
        table=table,
    )


def check_endpoint(settings: Settings, endpoint: Endpoint | Unavailable | None) -> Verdict:
    if isinstance(endpoint, Unavailable):
        return endpoint.verdict()
    cluster = settings.cluster
    if cluster.existing:
        return Verdict(status="pass", finding="The cluster is somebody else's: its endpoint stays as it is.")
    public, private = (", ".join(map(str, ways)) for ways in (cluster.public_access_cidrs, cluster.private_access))
    if public:
        more = f" It waits for a deployer within {private}; then remove publicAccessCidrs." if private else ""
        return Verdict(status="pass", finding=f"Public, for {public}.{more}")
    if endpoint is None and not settings.network.existing:
        return Verdict(
            status="fail",
            finding="The endpoint is private, in a VPC that this very `up` has yet to make: nobody can stand in it.",
            remedy="For the first `up` name your own address under cluster.publicAccessCidrs; remove it when a "
            f"deployer within {private} has a route into the VPC.",
        )
    if endpoint is not None and endpoint.public:
        return Verdict(
            status="pass",
            finding=f"Public still, for {', '.join(endpoint.public_cidrs)}; from this `up` on private, for {private}.",
            evidence=("Run it from there: afterwards nobody else reaches the API server.",),
        )
    return Verdict(
        status="pass",
        finding=f"Private: run `up` from within {private}, with a route into the VPC.",
    )


def check_entries(settings: Settings, entries: Sequence[str] | Unavailable | None) -> Verdict:
    if isinstance(entries, Unavailable):
        return entries.verdict()
    cluster = settings.cluster
    if cluster.existing:
        return Verdict(status="pass", finding="The cluster is somebody else's: who has access its owner says.")
    if entries is None:
        return Verdict(status="pass", finding=f"There is no cluster {cluster.name} yet, and so no entry.")
    wanted = {entry.principal_arn for entry in cluster.access}
    strangers = [arn for arn in entries if arn not in wanted]
    table = Table(
        header=("", "principal"), rows=tuple(("-" if arn in wanted else "in no file", arn) for arn in entries)
    )
    waiting = tuple(f"Comes with the next `up`: {arn}" for arn in sorted(wanted - {*entries}))
    if not strangers:
        return Verdict(
            status="pass", finding=f"{len(entries)} entries, all of the settings'.", evidence=waiting, table=table
        )
    # A cluster that was made with its creator's entry keeps it (docs/adr/0019).
    return Verdict(
        status="fail",
        finding=f"{', '.join(strangers)}: access that stands in no file, the creator's perhaps.",
        evidence=waiting,
        remedy=f"aws eks delete-access-entry --cluster-name {cluster.name} --principal-arn {strangers[0]}; or list it "
        "in cluster.access.",
        table=table,
    )


def _table(entries: Sequence[AccessEntry], principal: Principal) -> Table:
    return Table(
        header=("", "principal", "policy"),
        rows=tuple(
            ("you" if principal.is_named_by(entry.principal_arn) else "-", entry.principal_arn, entry.policy)
            for entry in entries
        ),
    )
