"""MR407: No NetworkPolicy lets everyone in."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.names import GATEWAY_SELECTOR, PASSTHROUGH_PORT
from policy.mesh import shadowed
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR407",
    "Authorization",
    title="No NetworkPolicy lets everyone in.",
    why="A rule without `from`, or from 0.0.0.0/0, or for all namespaces, opens the pod to every address that can "
    "reach it.",
    source="https://kubernetes.io/docs/concepts/services-networking/network-policies/",
    severity="high",
    remedy="Name namespace and pods; the load balancers' subnets are named by CIDR.",
    about=("NetworkPolicy",),
)
def network_sources(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    gateway = dict(resource.at("spec", "podSelector", "matchLabels") or {}) == GATEWAY_SELECTOR
    for number, one in enumerate(resource.at("spec", "ingress") or ()):
        path = f"spec.ingress[{number}]"
        ports = [port.get("port") for port in one.get("ports") or ()]
        # Whom the policies that are tried out are to judge must reach the sidecar: a weakening (MR201).
        if not one.get("from") and not shadowed(resource.namespace, stack):
            yield Flaw(field=f"{path}.from")
        for position, peer in enumerate(one.get("from") or ()):
            block = str((peer.get("ipBlock") or {}).get("cidr", ""))
            # An NLB keeps the client's address: its port of the gateway is open to whom the settings allow.
            if block.endswith("/0") and not (gateway and ports == [PASSTHROUGH_PORT]):
                yield Flaw(field=f"{path}.from[{position}].ipBlock.cidr", value=block)
            if "namespaceSelector" in peer and not peer["namespaceSelector"] and not peer.get("podSelector"):
                yield Flaw(field=f"{path}.from[{position}].namespaceSelector", value="{}")
        if not ports:
            yield Flaw(field=f"{path}.ports")
