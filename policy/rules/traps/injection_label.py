"""MR101: An injection label names a revision that an istiod of this stack serves."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.names import INJECTION_LABEL
from policy.mesh import RELEASE, istiods
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR101",
    "The seven traps",
    title="An injection label names a revision that an istiod of this stack serves.",
    why="Pods stay without a sidecar, silently: a label that no istiod looks for injects nothing, and "
    "`istio-injection` beside `istio.io/rev` wins over it.",
    source="docs/traps.md (1); https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/",
    severity="critical",
    remedy="Label it istio.io/rev with mesh.revisionTag, and nothing else of Istio's.",
    about=("Namespace", "Deployment", "StatefulSet", "DaemonSet"),
    alone=False,
)
def injection_label(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    is_namespace = resource.kind == "Namespace"
    labels = resource.labels if is_namespace else resource.pod_metadata.get("labels") or {}
    path = "metadata.labels" if is_namespace else "spec.template.metadata.labels"
    field = f'{path}["{INJECTION_LABEL}"]'
    if "istio-injection" in labels:
        yield Flaw(field=f'{path}["istio-injection"]', value=str(labels["istio-injection"]))
    wanted = {one.name for one in stack.settings.namespaces if one.in_mesh} if is_namespace else set()
    if INJECTION_LABEL not in labels:
        if resource.object_name in wanted:
            yield Flaw(field=field, says="the settings have this namespace in the mesh")
        return
    served = {name for release in istiods(stack) for name in _served(release)}
    if labels[INJECTION_LABEL] not in served:
        known = ", ".join(sorted(served)) or "none at all"
        yield Flaw(field=field, value=str(labels[INJECTION_LABEL]), says=f"{RELEASE} istiod serves {known}")


def _served(release: Resource) -> Iterator[str]:
    yield str(release.at("values", "revision") or "default")
    yield from release.at("values", "revisionTags") or ()
