"""What several rules ask of a plan about the mesh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from manifests.names import INJECTION_LABEL
from policy.resources import Resource
from policy.stack import Stack, chart_of

RELEASE = "kubernetes:helm.sh/v3:Release"
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")


def istiods(stack: Stack) -> Iterator[Resource]:
    """The releases of istiod: one, or while a revision is being replaced two."""
    return (release for release in stack.of(RELEASE) if chart_of(release) == "istiod")


def in_mesh(namespace: Resource) -> bool:
    """Whether pods of this Namespace get a sidecar."""
    return INJECTION_LABEL in namespace.labels or namespace.labels.get("istio-injection") == "enabled"


def without_sidecar(workload: Resource) -> bool:
    """Whether its pods say themselves that they want none."""
    metadata = workload.pod_metadata
    return any(
        str((metadata.get(part) or {}).get("sidecar.istio.io/inject")) == "false" for part in ("labels", "annotations")
    )


def inside(stack: Stack, kind: str, namespace: str) -> Iterator[Resource]:
    """The objects of a kind in a namespace."""
    return (resource for resource in stack.of(kind) if resource.namespace == namespace)


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    return all(labels.get(key) == value for key, value in selector.items())
