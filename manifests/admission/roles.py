"""The roles of the people: a tenant of some namespaces, a reader, and a deployer.

Instead of Kubernetes' `edit`, into which every chart may aggregate what it likes, and which comes with exec,
port-forward, NetworkPolicies, Ingresses, service accounts, their tokens and their impersonation.
"""

from __future__ import annotations

from typing import Any

from configuration.admission import Admission
from configuration.applications import Namespace
from manifests.admission.cel import DEPLOY_GROUP, DEPLOY_RESOURCE, DEPLOY_VERB
from manifests.document import Document, document

TENANT = "mesh-tenant"
READER = "mesh-reader"
DEPLOYER = "mesh-deployer"
TENANTS_GROUP = "mesh-tenants"
READERS_GROUP = "mesh-readers"

_RBAC = "rbac.authorization.k8s.io"
_LABELS = {"app.kubernetes.io/managed-by": "pulumi"}
_READ = ("get", "list", "watch")
_WRITE = ("create", "update", "patch", "delete", "deletecollection")

_READABLE: dict[str, tuple[str, ...]] = {
    "": (
        "configmaps", "endpoints", "events", "limitranges", "persistentvolumeclaims", "pods", "pods/log",
        "pods/status", "resourcequotas", "serviceaccounts", "services", "services/status",
    ),
    "apps": ("daemonsets", "deployments", "deployments/scale", "replicasets", "statefulsets", "statefulsets/scale"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "discovery.k8s.io": ("endpointslices",),
    "events.k8s.io": ("events",),
    "networking.k8s.io": ("networkpolicies",),
    "policy": ("poddisruptionbudgets",),
}  # fmt: skip
_WRITABLE: dict[str, tuple[str, ...]] = {
    "": ("configmaps", "persistentvolumeclaims", "pods", "secrets", "services"),
    "apps": ("daemonsets", "deployments", "deployments/scale", "statefulsets", "statefulsets/scale"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "policy": ("poddisruptionbudgets",),
}


def roles(admission: Admission) -> tuple[Document, ...]:
    """ClusterRoles, without an effect until somebody is bound to them; the deployers of the settings are."""
    reads = [_rule(group, resources, _READ) for group, resources in _READABLE.items()]
    tenant = [*reads, _rule("", ("secrets",), _READ)]
    tenant += [_rule(group, resources, _WRITE) for group, resources in _WRITABLE.items()]
    tenant.append(_rule("", ("pods/eviction",), ("create",)))
    if admission.exec:
        tenant.append(_rule("", ("pods/exec", "pods/attach"), ("get", "create")))
    if admission.port_forward:
        tenant.append(_rule("", ("pods/portforward",), ("get", "create")))
    if admission.debug_containers:
        tenant.append(_rule("", ("pods/ephemeralcontainers",), ("update", "patch")))
    found = [
        _role(TENANT, tenant),
        _role(READER, reads),
        _role(DEPLOYER, [_rule(DEPLOY_GROUP, (DEPLOY_RESOURCE,), (DEPLOY_VERB,))]),
    ]
    if admission.deployers:
        subjects = [subject(identity) for identity in admission.deployers]
        found.append(
            document(
                f"{_RBAC}/v1",
                "ClusterRoleBinding",
                DEPLOYER,
                labels=_LABELS,
                roleRef=_reference(DEPLOYER),
                subjects=subjects,
            )
        )
    return tuple(found)


def tenant_bindings(namespace: Namespace) -> tuple[Document, ...]:
    """Who works in one namespace of the stack: the groups of `group_of`, which the cluster's access entries name."""
    return tuple(
        document(
            f"{_RBAC}/v1",
            "RoleBinding",
            role,
            namespace=namespace.name,
            labels=_LABELS,
            roleRef=_reference(role),
            subjects=[_group(group), _group(group_of(group, namespace.name))],
        )
        for role, group in ((TENANT, TENANTS_GROUP), (READER, READERS_GROUP))
    )


def group_of(group: str, namespace: str) -> str:
    """`mesh-tenants:shop`: those of one namespace. `mesh-tenants` are those of all."""
    return f"{group}:{namespace}"


def subject(identity: str) -> dict[str, Any]:
    """`serviceAccount:flux-system/kustomize-controller` as a binding names it."""
    kind, _, name = identity.partition(":")
    if kind == "serviceAccount":
        home, _, account = name.partition("/")
        return {"kind": "ServiceAccount", "name": account, "namespace": home}
    return {"apiGroup": _RBAC, "kind": kind.capitalize(), "name": name}


def username(identity: str) -> str | None:
    """The name under which the API server knows it; None for a group."""
    kind, _, name = identity.partition(":")
    if kind == "serviceAccount":
        return f"system:serviceaccount:{name.replace('/', ':')}"
    return name if kind == "user" else None


def _rule(group: str, resources: tuple[str, ...], verbs: tuple[str, ...]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _role(name: str, rules: list[dict[str, Any]]) -> Document:
    return document(f"{_RBAC}/v1", "ClusterRole", name, labels=_LABELS, rules=rules)


def _reference(role: str) -> dict[str, str]:
    return {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role}


def _group(name: str) -> dict[str, str]:
    return {"apiGroup": _RBAC, "kind": "Group", "name": name}
