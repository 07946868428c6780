"""Checks MP501 and MP502: whether the hosted zone can hold the stack's names, and whose records stand there."""

from __future__ import annotations

from configuration.settings import Settings
from meshops.checks.model import Check, Table, Unavailable, Verdict
from meshops.preflight.zone import Zone, recorded_hosts

ZONE = Check(
    id="MP501",
    section="Names",
    name="Hosted zone",
    shows="The hosted zone exists, holds the stack's domain, and is of the kind that its clients and ACM can ask.",
    how="Route 53's own description of loadBalancer.hostedZoneId.",
    severity="critical",
    remedy="Correct loadBalancer.hostedZoneId: `aws route53 list-hosted-zones` has them.",
)

RECORDS = Check(
    id="MP502",
    section="Names",
    name="Records of the hosts",
    shows="No host of the stack has a record already that leads elsewhere: `up` would stop there (already exists).",
    how="The zone's A and CNAME records of these names, and the load balancers that the controller made for the stack.",
    severity="high",
    remedy="Take the record away, or give the host to one stack alone.",
)

_NO_ZONE = Verdict(status="pass", finding="The settings name no zone: the hosts' records are somebody else's.")


def check_zone(settings: Settings, zone: Zone | Unavailable | None) -> Verdict:
    if isinstance(zone, Unavailable):
        return zone.verdict()
    balancer = settings.load_balancer
    if balancer.hosted_zone_id is None:
        return _NO_ZONE
    if zone is None:
        return Verdict(status="fail", finding=f"There is no hosted zone {balancer.hosted_zone_id} in this account.")
    kind = "private" if zone.private else "public"
    found = f"{zone.id}: {zone.name}, {kind}"
    domain = balancer.domain
    if domain != zone.name and not domain.endswith(f".{zone.name}"):
        return Verdict(
            status="fail",
            finding=f"{found}, does not hold {domain}.",
            remedy="Name the zone of the domain, or of one above it.",
        )
    if zone.private and balancer.certificate_arn is None and "alb" in balancer.entries:
        # https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html: ACM asks the public DNS.
        return Verdict(
            status="fail",
            finding=f"{found}: ACM asks the public DNS and would wait for the certificate's validation for ever.",
            remedy="Name a public zone of the domain, or an issued certificate under loadBalancer.certificateArn.",
        )
    if zone.private and balancer.scheme == "internet-facing":
        return Verdict(
            status="fail",
            finding=f"{found}: an internet-facing load balancer whose names nobody outside can look up.",
            remedy="Name a public zone of the domain, or make loadBalancer.scheme internal.",
        )
    evidence = (f"Answered in {', '.join(zone.vpcs)} only.",) if zone.vpcs else ()
    return Verdict(status="pass", finding=f"{found}, holds {domain}.", evidence=evidence)


def check_records(settings: Settings, zone: Zone | Unavailable | None) -> Verdict:
    if isinstance(zone, Unavailable):
        return zone.verdict()
    hosts = recorded_hosts(settings)
    if settings.load_balancer.hosted_zone_id is None:
        return _NO_ZONE
    if zone is None:
        return Verdict(
            status="unknown", finding="Without its zone nobody knows its records.", remedy="Mend MP501 first."
        )
    others = [record for record in zone.records if not record.ours]
    ours = {record.name for record in zone.records if record.ours}
    rows = [
        ("ours" if record.ours else "in the way", record.name, record.type, record.target) for record in zone.records
    ]
    table = Table(header=("", "name", "type", "leads to"), rows=tuple(sorted(rows)))
    if not others:
        new = len(hosts) - len(ours)
        return Verdict(
            status="pass",
            finding=f"{len(hosts)} hosts, {len(ours)} with this stack's record, {new} without any.",
            table=table if rows else None,
        )
    names = ", ".join(sorted({record.name for record in others}))
    first = others[0]
    return Verdict(
        status="fail",
        finding=f"{names}: has a record already, which does not lead to this stack's load balancer.",
        remedy=f"If nobody needs it, delete it (aws route53 change-resource-record-sets --hosted-zone-id {zone.id}, "
        f"DELETE {first.type} {first.name}); if another stack made it, remove the host from one of the two.",
        table=table,
    )
