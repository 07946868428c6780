"""MR709: Nodes have private addresses, and no SSH."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_SUBNET = "aws:ec2/subnet:Subnet"
_NODES = "aws:eks/nodeGroup:NodeGroup"


@rule(
    "MR709",
    "AWS",
    title="Nodes have private addresses, and no SSH.",
    why="A node with a public address is one security group away from the internet, past every load balancer and WAF.",
    source="https://docs.aws.amazon.com/config/latest/developerguide/subnet-auto-assign-public-ip-disabled.html; "
    "https://docs.aws.amazon.com/eks/latest/best-practices/subnets.html",
    severity="high",
    remedy="mapPublicIpOnLaunch false on every subnet; a shell on a node is Session Manager's.",
    about=(_SUBNET, _NODES),
)
def private_nodes(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.type == _NODES:
        if resource.at("remoteAccess"):
            yield Flaw(field="remoteAccess", value="(set)")
    elif not resource.read and resource.at("mapPublicIpOnLaunch"):
        yield Flaw(field="mapPublicIpOnLaunch", value=shown(resource.at("mapPublicIpOnLaunch")))
