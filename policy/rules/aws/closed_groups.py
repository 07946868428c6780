"""MR705: No security group of the stack is open to everyone, and the VPC's default one admits nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
_GROUP = "aws:ec2/securityGroup:SecurityGroup"
_DEFAULT = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"


@rule(
    "MR705",
    "AWS",
    title="No security group of the stack is open to everyone, and the VPC's default one admits nobody.",
    why="The group is what keeps others from the gateway and the API server: the ALB's second hop is encrypted, but "
    "shows no identity.",
    source="https://docs.aws.amazon.com/controltower/latest/controlreference/ec2-rules.html (CT.EC2.PR.3); "
    "https://docs.aws.amazon.com/config/latest/developerguide/vpc-default-security-group-closed.html",
    severity="critical",
    remedy="Name a network or a group. The load balancers' groups are the controller's: loadBalancer.allowedCidrs.",
    about=(_RULE, _OLD_RULE, _GROUP, _DEFAULT),
)
def closed_groups(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.type == _DEFAULT:
        for name in ("ingress", "egress"):
            if resource.at(name):
                yield Flaw(field=name, value=f"{len(resource.at(name))} rules")
        return
    entries: list[tuple[str, Any]] = [("", resource.inputs)] if resource.type == _RULE else []
    if resource.type == _OLD_RULE and resource.at("type") == "ingress":
        entries = [("", resource.inputs)]
    if resource.type == _GROUP:
        entries = [(f"ingress[{number}].", one) for number, one in enumerate(resource.at("ingress") or ())]
    for path, one in entries:
        for name in ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks"):
            value = resource.at(name) if not path else one.get(name)
            values = value if isinstance(value, list | tuple) else [value]
            if any(str(cidr).endswith("/0") for cidr in values if cidr):
                yield Flaw(field=f"{path}{name}", value=shown(value))
