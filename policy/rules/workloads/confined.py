"""MR609: Every container has seccomp's default profile and a root file system it cannot write."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import WORKLOADS
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR609",
    "Workloads",
    title="Every container has seccomp's default profile and a root file system it cannot write.",
    why="It is what an attacker's first step meets: most kernel exploits need a call that the profile refuses, and "
    "most tools a place to be written to.",
    source="https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted; "
    "https://kubernetes.io/docs/tutorials/security/seccomp/",
    severity="medium",
    remedy="seccompProfile RuntimeDefault, readOnlyRootFilesystem true; writablePaths names what must be written.",
    about=WORKLOADS,
)
def confined(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    of_pod = ((resource.pod.get("securityContext") or {}).get("seccompProfile") or {}).get("type")
    for path, container in resource.containers():
        own = container.get("securityContext") or {}
        profile = (own.get("seccompProfile") or {}).get("type", of_pod)
        if profile not in ("RuntimeDefault", "Localhost"):
            yield Flaw(field=f"{path}.securityContext.seccompProfile.type", value=shown(profile))
        if own.get("readOnlyRootFilesystem") is not True:
            value = shown(own.get("readOnlyRootFilesystem"))
            yield Flaw(field=f"{path}.securityContext.readOnlyRootFilesystem", value=value)
