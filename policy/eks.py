"""An EKS cluster in a plan: the component that the program asks for, and under the real engine the cluster in it."""

from __future__ import annotations

from typing import Any

from policy.resources import Resource

COMPONENT = "eks:index:Cluster"
CLUSTER = "aws:eks/cluster:Cluster"
EITHER = (COMPONENT, CLUSTER)


def says_nothing(resource: Resource) -> bool:
    """Whether it is a component without inputs, as the engine may register it: the cluster in it is judged then."""
    return resource.type == COMPONENT and not resource.inputs


def endpoint(resource: Resource, name: str) -> tuple[str, Any]:
    """Path and value of one of the endpoint's inputs: `endpointPublicAccess`, `publicAccessCidrs`."""
    if resource.type == COMPONENT:
        return name, resource.at(name)
    return f"vpcConfig.{name}", resource.at("vpcConfig", name)
