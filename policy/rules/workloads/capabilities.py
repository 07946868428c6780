"""MR602: No container is privileged or keeps a capability."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import WORKLOADS
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR602",
    "Workloads",
    title="No container is privileged or keeps a capability.",
    why="NET_ADMIN and NET_RAW rewrite the iptables rules that send traffic through the sidecar.",
    source="https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted; "
    "https://istio.io/latest/docs/ops/best-practices/security/#understand-traffic-capture-limitations",
    severity="critical",
    remedy="capabilities.drop [ALL] and nothing added; a low port needs none since Kubernetes 1.22 (sysctls).",
    about=WORKLOADS,
)
def capabilities(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for path, container in resource.containers():
        own = container.get("securityContext") or {}
        kept = own.get("capabilities") or {}
        if "ALL" not in (kept.get("drop") or ()):
            yield Flaw(field=f"{path}.securityContext.capabilities.drop", value=shown(kept.get("drop")))
        if kept.get("add"):
            yield Flaw(field=f"{path}.securityContext.capabilities.add", value=shown(list(kept["add"])))
        if own.get("privileged"):
            yield Flaw(field=f"{path}.securityContext.privileged", value="true")
