"""MR604: A container that serves says when it is ready, and whether it lives."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR604",
    "Workloads",
    title="A container that serves says when it is ready, and whether it lives.",
    why="Without a readiness probe a rollout sends requests to pods that do not answer yet, and ends green; without a "
    "liveness probe one that hangs stays.",
    source="https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
    severity="medium",
    remedy="readinessPath and livenessPath of the application; for opaque TCP the program probes the port.",
    about=("Deployment", "StatefulSet", "DaemonSet"),
)
def probes(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for path, container in resource.containers():
        if ".initContainers[" in path or not container.get("ports"):
            continue
        for name in ("readinessProbe", "livenessProbe"):
            if not container.get(name):
                yield Flaw(field=f"{path}.{name}")
