"""MR603: No pod shares the node's namespaces, paths or ports."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import WORKLOADS
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR603",
    "Workloads",
    title="No pod shares the node's namespaces, paths or ports.",
    why="In the node's network there is no sidecar and no NetworkPolicy, and its instance profile answers.",
    source="https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline; "
    "https://docs.aws.amazon.com/eks/latest/best-practices/pod-security.html",
    severity="critical",
    remedy="Take hostNetwork, hostPID, hostIPC, hostPath volumes and hostPorts out.",
    about=WORKLOADS,
)
def not_the_nodes(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    pod = resource.pod
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(name):
            yield Flaw(field=f"{resource.pod_path}.{name}", value="true")
    for position, volume in enumerate(pod.get("volumes") or ()):
        if "hostPath" in volume:
            path = f"{resource.pod_path}.volumes[{position}].hostPath"
            yield Flaw(field=path, value=str((volume["hostPath"] or {}).get("path")))
    for path, container in resource.containers():
        for position, port in enumerate(container.get("ports") or ()):
            if port.get("hostPort"):
                yield Flaw(field=f"{path}.ports[{position}].hostPort", value=str(port["hostPort"]))
