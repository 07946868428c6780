"""MR104: The load balancer controller finds every subnet."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_CLUSTER = "kubernetes.io/cluster/"
_ROLES = ("kubernetes.io/role/elb", "kubernetes.io/role/internal-elb")


@rule(
    "MR104",
    "The seven traps",
    title="The load balancer controller finds every subnet.",
    why="A subnet that carries any kubernetes.io/cluster/* tag is closed to the clusters it does not name, and one "
    "without a role is none for load balancers: no ALB, `Failed build model`.",
    source="docs/traps.md (4); "
    "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/subnet_discovery/",
    severity="critical",
    remedy="Tag for this cluster and, by network.sharedWithClusters, for the others in the VPC.",
    about=("aws:ec2/subnet:Subnet",),
)
def subnet_tags(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.read:
        return  # somebody else's: `meshops preflight` (MP101) looks at these where they are
    tags = resource.at("tags") or {}
    own = f"{_CLUSTER}{stack.settings.cluster.name}"
    named = [tag for tag in tags if tag.startswith(_CLUSTER)]
    if named and own not in tags:
        yield Flaw(field=f'tags["{own}"]', says=f"it names {', '.join(named)}")
    roles = [role for role in _ROLES if role in tags]
    if not roles:
        yield Flaw(field="tags", value=shown(sorted(tags)), says=f"none of {', '.join(_ROLES)}")
    for role in roles:
        if str(tags[role]) not in ("1", ""):
            yield Flaw(field=f'tags["{role}"]', value=str(tags[role]), says='the controller takes "1" or an empty one')
