"""MR503: Nothing leaves the mesh in plaintext that no setting names."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack

_PLAIN = ("HTTP", "HTTP2", "GRPC", "MONGO", "REDIS", "MYSQL")


@rule(
    "MR503",
    "Egress",
    title="Nothing leaves the mesh in plaintext that no setting names.",
    why="Behind the NAT gateway it is readable by everyone on the way, credentials too.",
    source="https://istio.io/latest/docs/tasks/traffic-management/egress/egress-tls-origination/",
    severity="high",
    remedy="`egress` with protocol TLS, or `originate: true` where the sidecar is to begin TLS.",
    about=("ServiceEntry",),
)
def plaintext_egress(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.at("spec", "location") == "MESH_INTERNAL":
        return
    named = {
        egress.host
        for namespace in stack.settings.namespaces
        if namespace.name == resource.namespace
        for application in namespace.applications
        for egress in application.egress
        if egress.protocol == "HTTP" or egress.originate
    }
    for position, port in enumerate(resource.at("spec", "ports") or ()):
        if port.get("protocol") in _PLAIN and not set(resource.at("spec", "hosts") or ()) <= named:
            yield Flaw(
                field=f"spec.ports[{position}].protocol",
                value=str(port["protocol"]),
                says=", ".join(resource.at("spec", "hosts") or ()),
            )
