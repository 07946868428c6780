"""MR601: No container runs as root, or may become it."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import WORKLOADS
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR601",
    "Workloads",
    title="No container runs as root, or may become it.",
    why="Root in a pod changes to the sidecar's user and leaves the mesh, and is one kernel bug from the node.",
    source="https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted",
    severity="high",
    remedy="runAsNonRoot true, a user above 0, allowPrivilegeEscalation false.",
    about=WORKLOADS,
)
def not_root(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    of_pod = resource.pod.get("securityContext") or {}
    for path, container in resource.containers():
        own = container.get("securityContext") or {}
        for name, wanted in (("runAsNonRoot", True), ("runAsUser", None)):
            value = own.get(name, of_pod.get(name))
            if (wanted is True and value is not True) or (wanted is None and value == 0):
                yield Flaw(field=f"{path}.securityContext.{name}", value=shown(value))
        if own.get("allowPrivilegeEscalation") is not False:
            value = shown(own.get("allowPrivilegeEscalation"))
            yield Flaw(field=f"{path}.securityContext.allowPrivilegeEscalation", value=value)
