"""MR506: No NetworkPolicy lets a pod out to everywhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

# Instance metadata, and the networks that a peering or a VPN may reach.
_KEPT_OUT = tuple(
    map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"))
)


@rule(
    "MR506",
    "Egress",
    title="No NetworkPolicy lets a pod out to everywhere.",
    why="It is the second wall: past a bypassed sidecar lie the node's credentials at 169.254.169.254, every peered "
    "network and the internet on every port.",
    source="https://kubernetes.io/docs/concepts/services-networking/network-policies/; "
    "https://docs.aws.amazon.com/eks/latest/best-practices/network-security.html",
    severity="high",
    remedy="Name pods or networks and ports; a rule for the internet excepts private and link-local networks.",
    about=("NetworkPolicy",),
)
def network_destinations(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for number, one in enumerate(resource.at("spec", "egress") or ()):
        path = f"spec.egress[{number}]"
        if not one.get("to"):
            yield Flaw(field=f"{path}.to")
        if not one.get("ports"):
            yield Flaw(field=f"{path}.ports")
        for position, peer in enumerate(one.get("to") or ()):
            block = peer.get("ipBlock") or {}
            if str(block.get("cidr", "")).endswith("/0"):
                excepted = [ipaddress.ip_network(text) for text in block.get("except") or ()]
                missing = [kept for kept in _KEPT_OUT if not any(_within(kept, other) for other in excepted)]
                if missing:
                    field = f"{path}.to[{position}].ipBlock.except"
                    yield Flaw(field=field, value=shown(block.get("except")), says=f"{missing[0]} is open")
            if "namespaceSelector" in peer and not peer["namespaceSelector"] and not peer.get("podSelector"):
                yield Flaw(field=f"{path}.to[{position}].namespaceSelector", value="{}")


def _within(network: ipaddress.IPv4Network, other: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    return isinstance(other, ipaddress.IPv4Network) and network.subnet_of(other)
