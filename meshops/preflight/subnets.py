"""Check MP101: which subnets the AWS Load Balancer Controller would choose, and why not each other one.

The rule is the controller's own: kubernetes-sigs/aws-load-balancer-controller v3.5, pkg/networking/subnet_resolver.go.
Tests compare it with what that code decided of some hundred layouts of a VPC (`make decisions`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from configuration.settings import Settings
from meshops.checks.model import Check, Table, Unavailable, Verdict
from meshops.preflight.aws import Subnet, Vpc

CHECK = Check(
    id="MP101",
    section="Network",
    name="Subnets for the load balancer",
    shows="The load balancer controller finds subnets in enough zones for this stack's load balancer.",
    how="The VPC's subnets and their tags, as AWS has them, judged by the controller's own rule.",
    severity="critical",
    remedy="Tag one subnet per zone for the role and for this cluster; `pulumi up` of this stack sets the tags.",
)

CLUSTER_TAG_PREFIX = "kubernetes.io/cluster/"
ROLE_TAGS = {"internet-facing": "kubernetes.io/role/elb", "internal": "kubernetes.io/role/internal-elb"}
MINIMUM_FREE_ADDRESSES = 8
_LOCALE = "availability-zone"


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What the load balancer needs. zones: an ALB takes two at least, an NLB one."""

    cluster: str
    scheme: Literal["internal", "internet-facing"]
    zones: int

    @property
    def role_tag(self) -> str:
        return ROLE_TAGS[self.scheme]

    @property
    def cluster_tag(self) -> str:
        return CLUSTER_TAG_PREFIX + self.cluster


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the controller does with one subnet. `reason` is empty for a chosen one that had no rival."""

    subnet: Subnet
    chosen: bool
    reason: str


def demand_of(settings: Settings) -> Demand:
    return Demand(
        cluster=settings.cluster.name,
        scheme=settings.load_balancer.scheme,
        zones=2 if "alb" in settings.load_balancer.entries else 1,
    )


def decide(subnets: Iterable[Subnet], demand: Demand) -> tuple[Decision, ...]:
    """The controller's choice, one decision per subnet, in the order given."""
    ordered = tuple(subnets)
    refused = {subnet.id: _refusal(subnet, demand) for subnet in ordered}
    best: dict[str, Subnet] = {}
    for subnet in sorted(ordered, key=lambda s: (demand.cluster_tag not in s.tags, s.id)):
        if not refused[subnet.id]:
            best.setdefault(subnet.zone, subnet)
    return tuple(_decision(subnet, refused[subnet.id], best, demand) for subnet in ordered)


def check(settings: Settings, vpc: Vpc | Unavailable) -> Verdict:
    if isinstance(vpc, Unavailable):
        return vpc.verdict()
    if vpc.cluster_vpc_id not in (None, vpc.id):
        return Verdict(
            status="fail",
            finding=f"The cluster is in {vpc.cluster_vpc_id}, the stack's settings name {vpc.id}.",
            remedy="Correct network.existing.vpcId: the controller looks for subnets in the VPC it is told.",
        )
    demand = demand_of(settings)
    found = f"{vpc.id}, found by {vpc.found_by}; {demand.scheme}, so {demand.role_tag} decides."
    return judged(vpc.subnets, demand, found)


def judged(subnets: Iterable[Subnet], demand: Demand, found: str = "") -> Verdict:
    """Whether the load balancer can be made. found: where the subnets are from, for people."""
    decisions = decide(subnets, demand)
    chosen = [decision.subnet for decision in decisions if decision.chosen]
    table = _table(decisions)
    locales = sorted({subnet.locale for subnet in chosen})
    if len(locales) > 1:
        return Verdict(
            status="fail",
            finding=f"The chosen subnets lie in different kinds of zone ({', '.join(locales)}): it would be refused.",
            evidence=(found,),
            remedy=f"Remove {demand.role_tag} from the subnets that are not in an availability zone.",
            table=table,
        )
    minimum = demand.zones if locales in ([], [_LOCALE]) else 1
    if len(chosen) >= minimum:
        zones = ", ".join(sorted(subnet.zone for subnet in chosen))
        return Verdict(
            status="pass",
            finding=f"{len(chosen)} subnets, one each in {zones}." if len(chosen) > 1 else f"One subnet in {zones}.",
            evidence=(found,),
            table=table,
        )
    return Verdict(
        status="fail",
        finding=f"{_zones(len(chosen))} of the {minimum} needed: the load balancer cannot be created.",
        evidence=(found, *_guessing(decisions, demand)),
        remedy=_remedy(decisions, demand),
        table=table,
    )


def _refusal(subnet: Subnet, demand: Demand) -> str:
    """Why the controller passes this subnet over by itself; empty if it is eligible."""
    if demand.role_tag not in subnet.tags:
        return f"no tag {demand.role_tag}"
    if subnet.tags[demand.role_tag] not in ("", "1"):
        return f'{demand.role_tag} is "{subnet.tags[demand.role_tag]}", not "1"'
    others = _other_clusters(subnet, demand)
    if others and demand.cluster_tag not in subnet.tags:
        return f"tagged for {', '.join(others)} only, not for {demand.cluster}"
    if subnet.free_addresses < MINIMUM_FREE_ADDRESSES:
        return f"{subnet.free_addresses} free addresses, {MINIMUM_FREE_ADDRESSES} needed"
    return ""


def _decision(subnet: Subnet, refusal: str, best: dict[str, Subnet], demand: Demand) -> Decision:
    if refusal:
        return Decision(subnet=subnet, chosen=False, reason=refusal)
    winner = best[subnet.zone]
    if winner.id == subnet.id:
        return Decision(subnet=subnet, chosen=True, reason="")
    by_tag = demand.cluster_tag in winner.tags and demand.cluster_tag not in subnet.tags
    why = f"carries {demand.cluster_tag}" if by_tag else "has the lower id"
    return Decision(subnet=subnet, chosen=False, reason=f"one per zone: {winner.id} {why}")


def _other_clusters(subnet: Subnet, demand: Demand) -> list[str]:
    # The controller compares without the last slash: kubernetes.io/cluster-autoscaler/enabled counts as well.
    prefix = CLUSTER_TAG_PREFIX.rstrip("/")
    return sorted(
        key.removeprefix(CLUSTER_TAG_PREFIX)
        for key in subnet.tags
        if key.startswith(prefix) and key != demand.cluster_tag
    )


def _guessing(decisions: Iterable[Decision], demand: Demand) -> tuple[str, ...]:
    if any(decision.subnet.tags.get(demand.role_tag) in ("", "1") for decision in decisions):
        return ()
    # The controller's feature SubnetDiscoveryByReachability is on by default: it would not fail but guess.
    return ("No subnet has the role tag: the controller would guess by route tables, which does not count here.",)


def _remedy(decisions: Iterable[Decision], demand: Demand) -> str:
    shut_out = [d.subnet.id for d in decisions if d.reason.startswith("tagged for")]
    crowded = [d.subnet.id for d in decisions if "free addresses" in d.reason]
    if shut_out:
        return (
            f"Add {demand.cluster_tag}=shared to {', '.join(shut_out)}, keeping the tags of the other clusters: "
            "a subnet tagged for some clusters is closed to all others."
        )
    if crowded:
        return f"Free addresses in {', '.join(crowded)}, or tag larger subnets: a load balancer needs 8 and grows."
    return f"Tag one subnet in each of at least {demand.zones} zones with {demand.role_tag}=1."


def _zones(count: int) -> str:
    return f"{count} zone{'s' if count != 1 else ''}"


def _table(decisions: Iterable[Decision]) -> Table:
    # The chosen first: that is what a person looks for.
    ordered = sorted(decisions, key=lambda d: (not d.chosen, d.subnet.zone, d.subnet.id))
    return Table(
        header=("", "zone", "subnet", "name", "CIDR", "free", "why not"),
        rows=tuple(
            (
                "chosen" if decision.chosen else "-",
                decision.subnet.zone,
                decision.subnet.id,
                decision.subnet.name,
                decision.subnet.cidr,
                str(decision.subnet.free_addresses),
                decision.reason,
            )
            for decision in ordered
        ),
    )
