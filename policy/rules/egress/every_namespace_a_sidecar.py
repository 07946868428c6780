"""MR505: In every namespace of the mesh a Sidecar without a selector limits what nobody else limits."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.names import ISTIO_INGRESS, ISTIO_SYSTEM
from policy.mesh import in_mesh, inside
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR505",
    "Egress",
    title="In every namespace of the mesh a Sidecar without a selector limits what nobody else limits.",
    why="A pod of another pipeline gets no Sidecar of its own: without a default one its proxy knows the whole mesh.",
    source="https://istio.io/latest/docs/reference/config/networking/sidecar/",
    severity="high",
    remedy="Sidecar default in istio-system, and in the namespace.",
    about=("Namespace",),
    alone=False,
)
def every_namespace_a_sidecar(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    # A Sidecar does not hold for gateways.
    if resource.object_name == ISTIO_INGRESS or not (in_mesh(resource) or resource.object_name == ISTIO_SYSTEM):
        return
    if not any(not one.at("spec", "workloadSelector") for one in inside(stack, "Sidecar", resource.object_name)):
        yield Flaw(field="Sidecar", value="(none)")
