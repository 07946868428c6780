"""MR701: The API server can be reached from the VPC, and from outside only by the networks that the settings name."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from policy.eks import EITHER, endpoint, says_nothing
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR701",
    "AWS",
    title="The API server can be reached from the VPC, and from outside only by the networks that the settings name.",
    why="A public endpoint without CIDRs is open to the internet: a leaked token is then enough. EKS's own default is "
    "public and 0.0.0.0/0.",
    source="https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html",
    severity="critical",
    remedy="cluster.publicAccessCidrs, or none of it: the private endpoint is always on.",
    about=EITHER,
)
def cluster_endpoint(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if says_nothing(resource):
        return
    path, private = endpoint(resource, "endpointPrivateAccess")
    if private is not True:
        yield Flaw(field=path, value=shown(private))
    path, public = endpoint(resource, "endpointPublicAccess")
    if public is False:
        return
    named = set(stack.settings.cluster.public_access_cidrs)
    if not named:
        yield Flaw(field=path, value=shown(public), says="the settings name no network")
    path, cidrs = endpoint(resource, "publicAccessCidrs")
    found = {ipaddress.ip_network(str(cidr)) for cidr in cidrs or ("0.0.0.0/0",)}
    if not found <= named:
        yield Flaw(field=path, value=shown(cidrs), says="the settings do not name all of them")
