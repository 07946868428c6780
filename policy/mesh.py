"""What several rules ask of a plan about the mesh."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from configuration.applications import Namespace
from manifests.names import INJECTION_LABEL
from manifests.shadow import REFUSE_NOBODY, is_tried
from policy.resources import Resource
from policy.stack import Stack, chart_of
from validation.references import SELECTORS

RELEASE = "kubernetes:helm.sh/v3:Release"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")


def istiods(stack: Stack) -> Iterator[Resource]:
    """The releases of istiod: one, or while a revision is being replaced two."""
    return iter(releases_of(stack, "istiod"))


def releases_of(stack: Stack, chart: str) -> list[Resource]:
    """The Helm releases of a chart."""
    return stack.memo(
        ("releases", chart), lambda: [release for release in stack.of(RELEASE) if chart_of(release) == chart]
    )


def in_mesh(namespace: Resource) -> bool:
    """Whether pods of this Namespace get a sidecar."""
    return INJECTION_LABEL in namespace.labels or namespace.labels.get("istio-injection") == "enabled"


def without_sidecar(workload: Resource) -> bool:
    """Whether its pods say themselves that they want none."""
    metadata = workload.pod_metadata
    return any(
        str((metadata.get(part) or {}).get("sidecar.istio.io/inject")) == "false" for part in ("labels", "annotations")
    )


def inside(stack: Stack, kind: str, namespace: str) -> tuple[Resource, ...]:
    """The objects of a kind in a namespace."""
    return stack.inside(kind, namespace)


def tried(policy: Resource) -> bool:
    """Whether an AuthorizationPolicy is judged by and not enforced."""
    return is_tried({"metadata": policy.at("metadata")})


def is_declared_opening(policy: Resource, stack: Stack) -> bool:
    """Whether it stands in for the policies of a namespace that the settings only try out: a weakening (MR201), or of
    one that is outside the mesh, where it speaks to pods on their way in or out only."""
    return policy.object_name == REFUSE_NOBODY and any(one.refuses_nobody for one in _named(policy.namespace, stack))


def shadowed(namespace: str, stack: Stack) -> bool:
    """Whether the settings only try its policies out."""
    return any(one.shadowed for one in _named(namespace, stack))


def _named(namespace: str, stack: Stack) -> Iterator[Namespace]:
    return (one for one in stack.settings.namespaces if one.name == namespace)


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())


def selecting(stack: Stack, kind: str, namespace: str, labels: Mapping[str, Any]) -> Iterator[Resource]:
    """The objects of a kind in a namespace that mean pods with these labels; those without a selector mean all."""
    path = SELECTORS[kind]
    index = stack.memo(("selecting", kind, namespace), lambda: _by_first_label(inside(stack, kind, namespace), path))
    for pair in (None, *labels.items()):
        for one in index.get(pair, ()):
            if selects(one.at(*path) or {}, labels):
                yield one


def _by_first_label(resources: Iterable[Resource], path: tuple[str, ...]) -> dict[Any, list[Resource]]:
    found: dict[Any, list[Resource]] = {}
    for resource in resources:
        selector = resource.at(*path)
        found.setdefault(next(iter(selector.items())) if selector else None, []).append(resource)
    return found


def selected(stack: Stack, namespace: str, selector: Mapping[str, Any]) -> bool:
    """Whether any pod of the stack has these labels: of its own workloads, and of those that it only names."""
    index = stack.memo(("pods", namespace), lambda: _by_label(_pods(stack, namespace)))
    return any(selects(selector, labels) for labels in index.get(next(iter(selector.items())), ()))


def _by_label(pods: Iterable[Mapping[str, Any]]) -> dict[Any, list[Mapping[str, Any]]]:
    found: dict[Any, list[Mapping[str, Any]]] = {}
    for labels in pods:
        for pair in labels.items():
            found.setdefault(pair, []).append(labels)
    return found


def _pods(stack: Stack, namespace: str) -> Iterator[Mapping[str, Any]]:
    for kind in WORKLOADS:
        for workload in inside(stack, kind, namespace):
            yield workload.pod_metadata.get("labels") or {}
    for one in _named(namespace, stack):
        for application in one.applications:
            if application.workload == "external":
                yield {"app": application.name}
