"""Who may use the Kubernetes API: the settings' list, in the form that EKS keeps."""

from __future__ import annotations

from dataclasses import dataclass

from configuration.cluster import AccessEntry
from manifests.admission.roles import READERS_GROUP, TENANTS_GROUP, group_of

# EKS's own Edit comes with exec, port-forward, NetworkPolicies, Ingresses and service accounts; the program's role has
# none of them. It is bound to these groups (manifests.admission.roles).
_GROUPS: dict[str, str] = {"Edit": TENANTS_GROUP, "View": READERS_GROUP}

_POLICIES: dict[str, str] = {
    "ClusterAdmin": "AmazonEKSClusterAdminPolicy",
    "Admin": "AmazonEKSAdminPolicy",
    "AdminView": "AmazonEKSAdminViewPolicy",
}


@dataclass(frozen=True, kw_only=True)
class PolicyScope:
    policy_arn: str
    namespaces: tuple[str, ...]
    """Sorted; empty means the whole cluster."""


@dataclass(frozen=True, kw_only=True)
class PrincipalAccess:
    principal_arn: str
    policies: dict[str, PolicyScope]
    """By the policy's short name."""
    groups: tuple[str, ...] = ()
    """Sorted; Kubernetes' groups that the principal is in."""


def access_by_principal(entries: tuple[AccessEntry, ...]) -> dict[str, PrincipalAccess]:
    """One access entry per principal, as EKS has it, with each policy once; keyed by `<account>-<kind>-<path/name>`."""
    scopes: dict[str, dict[str, PolicyScope]] = {}
    groups: dict[str, set[str]] = {}
    for entry in entries:
        policies = scopes.setdefault(entry.principal_arn, {})
        if entry.policy in _GROUPS:
            group = _GROUPS[entry.policy]
            names = {group_of(group, namespace) for namespace in entry.namespaces} or {group}
            groups.setdefault(entry.principal_arn, set()).update(names)
            continue
        policies[entry.policy] = PolicyScope(
            policy_arn=f"arn:aws:eks::aws:cluster-access-policy/{_POLICIES[entry.policy]}",
            namespaces=tuple(sorted(entry.namespaces)),
        )
    return {
        _key(arn): PrincipalAccess(principal_arn=arn, policies=policies, groups=tuple(sorted(groups.get(arn, ()))))
        for arn, policies in scopes.items()
    }


def _key(arn: str) -> str:
    """`arn:aws:iam::111122223333:role/team/admins` -> `111122223333-role-team/admins`.

    The path keeps its slashes: `role/team/admins` and `role/team-admins` are two principals, and under one key one of
    them would silently have no access.
    """
    account, resource = arn.split(":", 5)[4:]
    return f"{account}-{resource.replace('/', '-', 1)}"
