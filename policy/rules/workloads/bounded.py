"""MR610: Every container asks for what it needs, and has an end to its memory."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import WORKLOADS
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR610",
    "Workloads",
    title="Every container asks for what it needs, and has an end to its memory.",
    why="Without requests the scheduler packs nodes full and an autoscaler has nothing to compare with; without a "
    "limit one pod's leak takes its neighbours, the sidecars among them.",
    source="https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/",
    severity="medium",
    remedy="`resources` of the application: cpu, memory, memoryLimit.",
    about=WORKLOADS,
)
def bounded(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for path, container in resource.containers():
        resources = container.get("resources") or {}
        for part, name in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
            if name not in (resources.get(part) or {}):
                yield Flaw(field=f"{path}.resources.{part}.{name}")
