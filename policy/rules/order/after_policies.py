"""MR805: A pod starts after istiod and after the policies that hold for it."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import istiods, selecting, without_sidecar
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack

_BEFORE = ("AuthorizationPolicy", "NetworkPolicy", "Sidecar")


@rule(
    "MR805",
    "Order",
    title="A pod starts after istiod and after the policies that hold for it.",
    why="Before istiod it gets no sidecar, and keeps none; before its deny-all it answers everyone for as long as the "
    "rest takes.",
    source="https://istio.io/latest/docs/ops/deployment/application-requirements/; docs/adr/0005",
    severity="high",
    remedy="depends_on the namespace's policies: components/application.py.",
    about=("Deployment", "StatefulSet", "DaemonSet"),
    alone=False,
)
def after_policies(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    declared = stack.memo("in the mesh", lambda: {one.name for one in stack.settings.namespaces if one.in_mesh})
    if without_sidecar(resource) or resource.namespace not in declared:
        return
    labels = resource.pod_metadata.get("labels") or {}
    needed = list(istiods(stack))
    for kind in _BEFORE:
        needed += selecting(stack, kind, resource.namespace, labels)
    for one in needed:
        if not stack.comes_after(resource, one):
            yield Flaw(field="(depends_on)", value=f"not after {one if one.kind else f'release {one.release_name}'}")
