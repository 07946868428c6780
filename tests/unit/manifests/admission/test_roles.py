"""What a tenant may do, and who may deploy."""

from __future__ import annotations

from typing import Any

import pytest

from configuration.admission import Admission
from manifests.admission.roles import roles, subject, tenant_bindings
from manifests.document import Document
from tests.unit.mesh_stack import LEGACY, SECURE_APPS

WRITES = {"create", "update", "patch", "delete", "deletecollection"}


def role(name: str, kind: str = "ClusterRole", **admission: Any) -> Document:
    return next(
        item for item in roles(Admission(**admission)) if (item["kind"], item["metadata"]["name"]) == (kind, name)
    )


def granted(document: Document) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in document["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_a_tenant_has_neither_the_meshs_kinds_nor_its_walls_nor_identities() -> None:
    rights = granted(role("mesh-tenant"))
    assert not [right for right in rights if "istio" in right[0] or right[0] in ("*", "cert-manager.io")]
    assert not [right for right in rights if "*" in right]
    assert not {resource for _, resource, verb in rights if verb in WRITES} & {
        "networkpolicies", "ingresses", "serviceaccounts", "serviceaccounts/token", "roles", "rolebindings",
        "endpoints", "endpointslices", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy",
        "pods/ephemeralcontainers", "resourcequotas",
    }  # fmt: skip
    assert "impersonate" not in {verb for _, _, verb in rights}


def test_a_reader_writes_nothing_and_reads_no_secret() -> None:
    rights = granted(role("mesh-reader"))
    assert not {verb for _, _, verb in rights} & WRITES
    assert "secrets" not in {resource for _, resource, _ in rights}


@pytest.mark.parametrize(
    ("setting", "resource", "verb"),
    [
        ("exec", "pods/exec", "create"),
        ("exec", "pods/attach", "create"),
        ("port_forward", "pods/portforward", "create"),
        ("debug_containers", "pods/ephemeralcontainers", "patch"),
    ],
)
def test_what_a_setting_opens_the_role_has_too(setting: str, resource: str, verb: str) -> None:
    assert ("", resource, verb) not in granted(role("mesh-tenant"))
    assert ("", resource, verb) in granted(role("mesh-tenant", **{setting: True}))  # ty: ignore[invalid-argument-type]


def test_nobody_is_a_deployer_who_is_not_named() -> None:
    assert not [item for item in roles(Admission()) if item["kind"] == "ClusterRoleBinding"]
    bound = role("mesh-deployer", "ClusterRoleBinding", deployers=("user:ci", "serviceAccount:flux-system/apply"))
    assert bound["subjects"] == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ci"},
        {"kind": "ServiceAccount", "name": "apply", "namespace": "flux-system"},
    ]


def test_a_group_is_bound_as_one() -> None:
    assert subject("group:platform") == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "Group",
        "name": "platform",
    }


def test_the_tenants_of_one_namespace_and_of_all_are_bound_in_it_whatever_its_phase() -> None:
    for namespace in (SECURE_APPS, LEGACY):
        bindings = {item["roleRef"]["name"]: item for item in tenant_bindings(namespace)}
        assert [item["name"] for item in bindings["mesh-tenant"]["subjects"]] == [
            "mesh-tenants",
            f"mesh-tenants:{namespace.name}",
        ]
        assert {item["metadata"]["namespace"] for item in bindings.values()} == {namespace.name}
