"""MR106: With imageRegistry set, no image comes from a public registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from configuration.kinds.images import PUBLIC_HOSTS, split_host
from policy.mesh import RELEASE
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack, chart_of
from policy.unknowns import UnknownValue

# Where the charts of this program say which image they take.
_KEYS = ("hub", "repository", "imageRegistry", "image", "registry")
_WITHOUT_PODS = ("base",)


@rule(
    "MR106",
    "The seven traps",
    title="With imageRegistry set, no image comes from a public registry.",
    why="Behind a proxy that ends TLS a node cannot pull it (`x509: certificate signed by unknown authority`), and "
    "what runs is not what was mirrored and scanned.",
    source="docs/traps.md (6)",
    severity="high",
    remedy="Let manifests/images.py name the image: it moves every public one into the stack's registry.",
    about=(RELEASE, "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"),
)
def one_registry(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    registry = stack.settings.image_registry
    if registry is None:
        return
    for path, container in resource.containers():
        image = str(container.get("image") or "")
        if image and split_host(image)[0] in PUBLIC_HOSTS:
            yield Flaw(field=f"{path}.image", value=image)
    if resource.type == RELEASE:
        named = list(_images(resource.at("values") or {}, "values"))
        for path, image in named:
            if split_host(f"{image}/x")[0] in PUBLIC_HOSTS:
                yield Flaw(field=path, value=image)
        # Istio's gateway chart has none of its own: istiod injects the proxy's.
        if not named and chart_of(resource) not in (*_WITHOUT_PODS, "gateway"):
            yield Flaw(field="values", value="(no image)", says="the chart's own images are public")


def _images(values: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for key in values:
        try:
            value = values[key]
        except UnknownValue:
            if key in _KEYS:
                raise
            continue  # the VPC's id, for example
        if isinstance(value, Mapping):
            yield from _images(value, f"{path}.{key}")
        elif key in _KEYS and isinstance(value, str):
            yield f"{path}.{key}", value
