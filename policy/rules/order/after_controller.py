"""MR802: What becomes a load balancer comes after the controller, and that after all it needs to take it down again."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import RELEASE, releases_of
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack

_CONTROLLER = "aws-load-balancer-controller"
_IDENTITY = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
_NODES = "aws:eks/nodeGroup:NodeGroup"
_ROUTE = "aws:ec2/route:Route"


@rule(
    "MR802",
    "Order",
    title="What becomes a load balancer comes after the controller, and that after all it needs to take it down again.",
    why="A destroy goes the opposite way: without controller, identity, nodes and way out of the VPC the finalizer is "
    "never answered, the balancer and its groups stay, and the VPC cannot be deleted.",
    source="docs/load-balancers.md; "
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/",
    severity="critical",
    remedy="depends_on the controller; components/load_balancer.py has the chain.",
    about=("Ingress", "Service"),
    alone=False,
)
def after_controller(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.kind == "Service" and resource.at("spec", "type") != "LoadBalancer":
        return
    controllers = releases_of(stack, _CONTROLLER)
    if not controllers:
        yield Flaw(field="(depends_on)", value=f"no release {_CONTROLLER}")
    needed = list(stack.of(_NODES))
    needed += [one for one in stack.of(_IDENTITY) if one.at("serviceAccount") == _CONTROLLER]
    needed += [one for one in stack.of(_ROUTE) if one.at("destinationCidrBlock") == "0.0.0.0/0"]
    for one in controllers:
        if not stack.comes_after(resource, one):
            yield Flaw(field="(depends_on)", value=f"not after {_named(one)}")
    for later in (resource, *controllers):
        for one in needed:
            if not stack.comes_after(later, one):
                yield Flaw(field="(depends_on)", value=f"{_named(later)} not after {_named(one)}")


def _named(resource: Resource) -> str:
    return f"release {resource.release_name}" if resource.type == RELEASE else str(resource)
