"""MR406: In every namespace a NetworkPolicy drops what no other lets through."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.names import CERT_MANAGER, ISTIO_SYSTEM, OBSERVABILITY
from policy.mesh import in_mesh, inside
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack

_PLATFORM = (CERT_MANAGER, ISTIO_SYSTEM, OBSERVABILITY)


@rule(
    "MR406",
    "Authorization",
    title="In every namespace a NetworkPolicy drops what no other lets through.",
    why="The sidecar is no firewall: a process that bypasses it, and a pod that has none, reach everything that the "
    "network lets them.",
    source="https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-policies; "
    "https://istio.io/latest/docs/ops/best-practices/security/",
    severity="high",
    remedy="A NetworkPolicy with an empty podSelector, both policyTypes and no rules.",
    about=("Namespace",),
    alone=False,
)
def network_deny(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if not in_mesh(resource) and resource.object_name not in _PLATFORM:
        return
    denied = {
        direction
        for one in inside(stack, "NetworkPolicy", resource.object_name)
        if not one.at("spec", "podSelector")
        for direction in one.at("spec", "policyTypes") or ()
        if not one.at("spec", direction.lower())
    }
    missing = [direction for direction in ("Ingress", "Egress") if direction not in denied]
    if missing:
        yield Flaw(field="NetworkPolicy", value="(none)", says=f"nothing denies {' and '.join(missing)}")
