"""MR611: Every image names its version."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import WORKLOADS
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR611",
    "Workloads",
    title="Every image names its version.",
    why="`latest` is another program on each node, rolls nothing when it changes, and cannot be rolled back to.",
    source="https://kubernetes.io/docs/concepts/containers/images/#image-names",
    severity="medium",
    remedy="A tag of one release, or a digest.",
    about=WORKLOADS,
)
def pinned_images(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for path, container in resource.containers():
        image = str(container.get("image") or "")
        name, _, digest = image.partition("@")
        tag = name.rpartition("/")[2].partition(":")[2]
        # `auto` is what istiod puts a proxy's image for.
        if not digest and tag in ("", "latest") and image != "auto":
            yield Flaw(field=f"{path}.image", value=image)
