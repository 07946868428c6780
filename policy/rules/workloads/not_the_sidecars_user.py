"""MR608: No container runs as the sidecar's user or group."""

from __future__ import annotations

from collections.abc import Iterator

from configuration.applications import SIDECAR_USER
from policy.mesh import WORKLOADS
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR608",
    "Workloads",
    title="No container runs as the sidecar's user or group.",
    why="iptables lets the sidecar's own traffic pass uncaptured: who runs as 1337 bypasses the mesh whole.",
    source="https://istio.io/latest/docs/ops/deployment/application-requirements/",
    severity="critical",
    remedy="Any other user; the program's own is 10001.",
    about=WORKLOADS,
)
def not_the_sidecars_user(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    contexts = [(resource.pod_path, resource.pod)]
    contexts += list(resource.containers())
    for path, one in contexts:
        context = one.get("securityContext") or {}
        for name in ("runAsUser", "runAsGroup"):
            if context.get(name) == SIDECAR_USER:
                yield Flaw(field=f"{path}.securityContext.{name}", value=str(SIDECAR_USER))
        if SIDECAR_USER in (context.get("supplementalGroups") or ()):
            yield Flaw(field=f"{path}.securityContext.supplementalGroups", value=str(SIDECAR_USER))
