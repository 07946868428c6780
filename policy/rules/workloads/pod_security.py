"""MR612: Every namespace enforces the Pod Security level that its settings name, and no lower one."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_LEVEL = "pod-security.kubernetes.io/enforce"
_STRICT = ("privileged", "baseline", "restricted")


@rule(
    "MR612",
    "Workloads",
    title="Every namespace enforces the Pod Security level that its settings name, and no lower one.",
    why="What another pipeline deploys passes none of these rules: the API server is what stops it.",
    source="https://kubernetes.io/docs/concepts/security/pod-security-admission/",
    severity="high",
    remedy="podSecurity of the namespace, restricted unless somebody decided otherwise.",
    about=("Namespace",),
)
def pod_security(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    levels = {one.name: one.pod_security for one in stack.settings.namespaces if one.in_mesh}
    outside = {one.name for one in stack.settings.namespaces if not one.in_mesh}
    if resource.object_name in outside:
        return
    wanted = levels.get(resource.object_name, "restricted")
    level = resource.labels.get(_LEVEL)
    if level not in _STRICT or _STRICT.index(level) < _STRICT.index(wanted):
        yield Flaw(field=f'metadata.labels["{_LEVEL}"]', value=shown(level), says=f"the settings say {wanted}")
