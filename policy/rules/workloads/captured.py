"""MR607: No pod of a namespace in the mesh switches its sidecar off, or keeps traffic from it."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.names import OBSERVABILITY
from policy.mesh import WORKLOADS
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack

# What takes a pod, or some of its traffic, out of the mesh.
_ANNOTATIONS = (
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeInterfaces",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
    "traffic.sidecar.istio.io/includeOutboundPorts",
    "traffic.sidecar.istio.io/kubevirtInterfaces",
    "sidecar.istio.io/interceptionMode",
    "sidecar.istio.io/bootstrapOverride",
    "sidecar.istio.io/proxyImage",
    "inject.istio.io/templates",
)


@rule(
    "MR607",
    "Workloads",
    title="No pod of a namespace in the mesh switches its sidecar off, or keeps traffic from it.",
    why="What is not captured is plaintext, has no identity, and no policy of the mesh sees it.",
    source="https://istio.io/latest/docs/reference/config/annotations/; "
    "https://istio.io/latest/docs/ops/best-practices/security/#understand-traffic-capture-limitations",
    severity="critical",
    remedy="Take it out; a port or host that must be reached otherwise is a setting with a reason.",
    about=WORKLOADS,
)
def captured(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if resource.namespace == OBSERVABILITY:
        return  # the collector has no sidecar: mesh_policies exempts it, and its NetworkPolicy names who may come
    outside = {one.name for one in stack.settings.namespaces if not one.in_mesh}
    if resource.namespace in outside:
        return
    metadata = resource.pod_metadata
    for part in ("labels", "annotations"):
        values = metadata.get(part) or {}
        path = f"{resource.pod_path.removesuffix('spec')}metadata.{part}"
        if str(values.get("sidecar.istio.io/inject", "true")) != "true":
            yield Flaw(field=f'{path}["sidecar.istio.io/inject"]', value=str(values["sidecar.istio.io/inject"]))
        if values.get("istio.io/dataplane-mode") == "none":
            yield Flaw(field=f'{path}["istio.io/dataplane-mode"]', value="none")
        for name in _ANNOTATIONS:
            if name in values:
                yield Flaw(field=f'{path}["{name}"]', value=str(values[name]))
