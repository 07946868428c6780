"""What AWS bills, counted before and after, and what is left of the addresses; no prices, which no plan knows.

Billed by the hour or the month as it stands there: control planes (https://aws.amazon.com/eks/pricing/), NAT gateways,
public addresses and interface endpoints per zone (https://aws.amazon.com/vpc/pricing/,
https://aws.amazon.com/privatelink/pricing/), load balancers (https://aws.amazon.com/elasticloadbalancing/pricing/),
nodes (https://aws.amazon.com/ec2/pricing/), keys (https://aws.amazon.com/kms/pricing/) and web ACLs
(https://aws.amazon.com/waf/pricing/).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from meshops.review.facts import Planned
from meshops.review.lines import Line
from meshops.review.text import code

_RESERVED = 5
"""Addresses of each subnet that are AWS's own (https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html)."""

_COUNTED = {
    "aws:ec2/natGateway:NatGateway": "NAT gateways",
    "aws:ec2/eip:Eip": "public addresses of our own (Elastic IPs)",
    "aws:kms/key:Key": "KMS keys",
    "aws:wafv2/webAcl:WebAcl": "web ACLs",
    "aws:sqs/queue:Queue": "queues",
    "aws:ec2/flowLog:FlowLog": "flow logs",
    "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": "DNS firewalls",
}


def lines(old: Planned, new: Planned) -> Iterator[Line]:
    """What changes of it, and nothing else."""
    before, now = billed(old), billed(new)
    for what in dict.fromkeys((*now, *before)):
        was, is_ = before.get(what, "none"), now.get(what, "none")
        if was != is_:
            yield Line(text=f"{what}: {code(is_)}; before: {code(was)}", opens=_more(was, is_))


def billed(planned: Planned) -> dict[str, str]:
    """What is billed, in words -> how much of it."""
    found: dict[str, str] = {}
    types: dict[str, int] = {}
    endpoints = zones = 0
    retention: list[int] = []
    for one in planned.registrations:
        if one.read_id:
            continue
        types[one.type] = types.get(one.type, 0) + 1
        if one.type == "aws:ec2/vpcEndpoint:VpcEndpoint" and one.inputs.get("vpcEndpointType") == "Interface":
            endpoints += 1
            zones += len(one.inputs.get("subnetIds") or ())
        if one.type == "aws:cloudwatch/logGroup:LogGroup":
            retention.append(int(one.inputs.get("retentionInDays") or 0))
    platform = planned.platform
    found |= {text: str(types[type_]) for type_, text in _COUNTED.items() if types.get(type_)}
    if types.get("eks:index:Cluster"):
        found["EKS control plane"] = platform.cluster
    if platform.nodes:
        found["Nodes"] = platform.nodes
    for entry in platform.entries:
        key = f"Load balancers of kind {code(entry.kind)}, {code(entry.scheme)}"
        found[key] = str(int(found.get(key, "0")) + 1)
    if endpoints:
        found["Interface endpoints"] = f"{endpoints}, in {zones} subnets together"
    if retention:
        found["Log groups"] = f"{len(retention)}, kept for {_days(retention)}"
    return found | _addresses(planned)


def _addresses(planned: Planned) -> dict[str, str]:
    """Pods take addresses of the private subnets: https://docs.aws.amazon.com/eks/latest/userguide/managing-vpc-cni.html"""
    sizes: list[int] = []
    for zone in planned.platform.zones:
        try:
            sizes.append(ip_network(zone.private or "").num_addresses - _RESERVED)
        except ValueError:
            continue  # somebody else's subnet: its id says nothing of its size
    if not sizes:
        return {}
    apps = planned.mesh.applications
    most = sum(int(app.most_replicas or app.replicas or 0) for app in apps)
    return {
        "Addresses of the private subnets": f"{sum(sizes)} in {len(sizes)} zones",
        "Pods of the stack's applications, at most, each with an address": str(most),
    }


def _days(retention: list[int]) -> str:
    if not all(retention):
        return "ever, at least one of them"
    low, high = min(retention), max(retention)
    return f"{low} days" if low == high else f"{low} to {high} days"


def _more(was: str, is_: str) -> bool:
    return not (was.isdigit() and is_.isdigit() and int(is_) < int(was)) and is_ != "none"
