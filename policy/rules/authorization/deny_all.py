"""MR401: In every namespace of the mesh what nobody allows is refused."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.names import ISTIO_SYSTEM
from policy.mesh import in_mesh, inside, shadowed, tried
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR401",
    "Authorization",
    title="In every namespace of the mesh what nobody allows is refused.",
    why="Without an ALLOW that selects it a pod answers every identity of the mesh: a new application is open until "
    "somebody thinks of it.",
    source="https://istio.io/latest/docs/concepts/security/#implicit-enablement; "
    "https://istio.io/latest/docs/ops/best-practices/security/#use-default-deny-patterns",
    severity="critical",
    remedy="An AuthorizationPolicy with an empty spec in istio-system, and in the namespace.",
    about=("Namespace",),
    alone=False,
)
def deny_all(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if shadowed(resource.object_name, stack):
        return  # a weakening of the settings (MR201)
    if in_mesh(resource) and not (_denies(stack, resource.object_name) or _denies(stack, ISTIO_SYSTEM)):
        yield Flaw(
            field="AuthorizationPolicy", value="(none)", says="neither its own nor the root namespace's deny-all"
        )
    declared = {one.name for one in stack.settings.namespaces if one.in_mesh}
    if resource.object_name in declared and not _denies(stack, resource.object_name):
        yield Flaw(field="AuthorizationPolicy", value="(none)", says="no deny-all of its own")
    if resource.object_name == ISTIO_SYSTEM and not _denies(stack, ISTIO_SYSTEM):
        yield Flaw(field="AuthorizationPolicy", value="(none)", says="no deny-all for the whole mesh")


def _denies(stack: Stack, namespace: str) -> bool:
    """An ALLOW policy for all pods that matches nothing."""
    return any(
        not one.at("spec", "rules")
        and not tried(one)
        and not one.at("spec", "selector")
        and not one.at("spec", "targetRefs")
        and one.at("spec", "action") in (None, "ALLOW")
        for one in inside(stack, "AuthorizationPolicy", namespace)
    )
