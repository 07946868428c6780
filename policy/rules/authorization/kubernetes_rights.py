"""MR411: No role of the cluster holds everything, and none is everybody's."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_EVERYBODY = ("system:authenticated", "system:unauthenticated", "system:serviceaccounts", "system:masters")
_KINDS = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


@rule(
    "MR411",
    "Authorization",
    title="No role of the cluster holds everything, and none is everybody's.",
    why="Whoever may write everything in a namespace writes its policies too; a group that everyone is in is no group.",
    source="https://kubernetes.io/docs/concepts/security/rbac-good-practices/",
    severity="critical",
    remedy="Name resources and verbs, and the group that the access entry gives.",
    about=_KINDS,
)
def kubernetes_rights(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for number, one in enumerate(resource.at("rules") or ()):
        if "*" in (one.get("verbs") or ()):
            yield Flaw(
                field=f"rules[{number}].verbs", value=shown(list(one["verbs"])), says=f"on {one.get('resources')}"
            )
        if "*" in (one.get("resources") or ()):
            yield Flaw(field=f"rules[{number}].resources", value=shown(list(one["resources"])))
    if resource.at("roleRef", "name") == "cluster-admin":
        yield Flaw(field="roleRef.name", value="cluster-admin")
    for number, subject in enumerate(resource.at("subjects") or ()):
        if str(subject.get("name", "")).startswith(_EVERYBODY):
            yield Flaw(field=f"subjects[{number}].name", value=str(subject["name"]))
