"""The stack's hosted zone as Route 53 has it: its kind, and the records that stand in the way of the stack's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from configuration.settings import Settings
from manifests.gateway import held_by, passthrough_hosts, terminated_hosts
from manifests.ingress import INGRESS_NAME, NLB_NAME
from manifests.names import ISTIO_INGRESS

# How the load balancer controller marks what it makes (its pkg/deploy/tracking/provider.go).
_CLUSTER_TAG = "elbv2.k8s.aws/cluster"
_STACK_TAGS = {
    "ingress.k8s.aws/stack": f"{ISTIO_INGRESS}/{INGRESS_NAME}",
    "service.k8s.aws/stack": f"{ISTIO_INGRESS}/{NLB_NAME}",
}
_TAGS_AT_ONCE = 20


@dataclass(frozen=True, kw_only=True)
class Record:
    """name: without the final dot; target: of an alias, or the first value. ours: whether it leads to the load balancer
    that the controller made for this stack."""

    name: str
    type: str
    target: str
    ours: bool


@dataclass(frozen=True, kw_only=True)
class Zone:
    """name: without the final dot. records: those of the stack's hosts that no second one of ours could join."""

    id: str
    name: str
    private: bool
    vpcs: tuple[str, ...]
    records: tuple[Record, ...]


def recorded_hosts(settings: Settings) -> tuple[str, ...]:
    """The hosts for which the program makes a record, as `components/load_balancer.py` chooses them."""
    balancer = settings.load_balancer
    if balancer.hosted_zone_id is None:
        return ()
    in_dns = tuple(namespace for namespace in settings.namespaces if namespace.in_dns)
    hosts = [
        *(terminated_hosts(in_dns) if "alb" in balancer.entries else ()),
        *(passthrough_hosts(in_dns) if "nlb" in balancer.entries else ()),
    ]
    return held_by(balancer.domain, hosts)


def read_zone(settings: Settings, route53: Any, elbv2: Any) -> Zone | None:
    """None where there is no such zone, or the settings name none. Raises botocore's errors."""
    zone_id = settings.load_balancer.hosted_zone_id
    if zone_id is None:
        return None
    try:
        found = route53.get_hosted_zone(Id=zone_id)
    except route53.exceptions.NoSuchHostedZone:
        return None
    hosts = {*recorded_hosts(settings)}
    pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
    raw = [record for page in pages for record in page["ResourceRecordSets"]]
    # Of one name and type there is one record, and beside a CNAME none.
    # https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
    in_the_way = [item for item in raw if _plain(item["Name"]) in hosts and item["Type"] in ("A", "CNAME")]
    balancers = {*_own_balancers(settings, elbv2)} if in_the_way else set()
    return Zone(
        id=zone_id,
        name=_plain(found["HostedZone"]["Name"]),
        private=bool(found["HostedZone"].get("Config", {}).get("PrivateZone")),
        vpcs=tuple(vpc["VPCId"] for vpc in found.get("VPCs", ())),
        records=tuple(
            Record(name=_plain(item["Name"]), type=item["Type"], target=target, ours=target in balancers)
            for item in in_the_way
            for target in [_target(item)]
        ),
    )


def _own_balancers(settings: Settings, elbv2: Any) -> Iterator[str]:
    """The DNS names of the load balancers that the controller made for this stack."""
    pages = elbv2.get_paginator("describe_load_balancers").paginate()
    names = {item["LoadBalancerArn"]: item["DNSName"] for page in pages for item in page["LoadBalancers"]}
    arns = list(names)
    for start in range(0, len(arns), _TAGS_AT_ONCE):
        described = elbv2.describe_tags(ResourceArns=arns[start : start + _TAGS_AT_ONCE])["TagDescriptions"]
        for item in described:
            tags = {tag["Key"]: tag["Value"] for tag in item["Tags"]}
            own = any(tags.get(key) == value for key, value in _STACK_TAGS.items())
            if own and tags.get(_CLUSTER_TAG) == settings.cluster.name:
                yield _plain(names[item["ResourceArn"]])


def _plain(name: str) -> str:
    """As a person writes it. Route 53 puts `dualstack.` before the name of a load balancer that an alias is for."""
    return name.rstrip(".").lower().removeprefix("dualstack.")


def _target(item: Any) -> str:
    if "AliasTarget" in item:
        return _plain(item["AliasTarget"]["DNSName"])
    values = item.get("ResourceRecords") or ()
    return _plain(values[0]["Value"]) if values else ""
