"""The policies of the API server: what they are for, where they hold, and that they say the settings' own rules."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from configuration.admission import Admission
from configuration.applications import SIDECAR_USER, Namespace
from configuration.mesh import Mesh
from manifests.admission.documents import admission_documents
from manifests.document import Document
from manifests.images import Images
from tests.unit.manifests.golden_files import assert_golden
from tests.unit.mesh_stack import LEGACY, NAMESPACES, PAYMENTS, SECURE_APPS

OF_APPLICATIONS = ("mesh-pods", "mesh-workloads", "mesh-cron-jobs", "mesh-services", "mesh-ways-in", "mesh-credentials")
PLATFORM = ("istio-system", "istio-ingress", "cert-manager", "observability")
WITH_PLATFORM = ("mesh-network-policies", "mesh-namespaces", "mesh-interactive")


def made(*namespaces: Namespace, registry: str | None = None, **admission: Any) -> tuple[Document, ...]:
    return admission_documents(
        Admission(**admission),
        mesh=Mesh(),
        namespaces=namespaces or NAMESPACES,
        platform=PLATFORM,
        images=Images(registry),
    )


def of_kind(kind: str, documents: tuple[Document, ...]) -> dict[str, Document]:
    return {item["metadata"]["name"]: item for item in documents if item["kind"] == kind}


def policies(*namespaces: Namespace, **admission: Any) -> dict[str, Document]:
    return of_kind("ValidatingAdmissionPolicy", made(*namespaces, **admission))


def bound_to(binding: Document) -> list[str] | None:
    """The namespaces of a binding; None for all."""
    matched = binding["spec"].get("matchResources")
    if matched is None:
        return None
    (expression,) = matched["namespaceSelector"]["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("kubernetes.io/metadata.name", "In")
    return expression["values"]


def test_the_policies_as_a_reviewer_reads_them() -> None:
    assert_golden("admission", made())


def test_each_policy_refuses_what_it_cannot_judge() -> None:
    assert {item["spec"]["failurePolicy"] for item in policies().values()} == {"Fail"}


def test_each_policy_is_bound_and_each_binding_denies_and_is_audited() -> None:
    documents = made()
    bindings = of_kind("ValidatingAdmissionPolicyBinding", documents)
    assert {item["spec"]["policyName"] for item in bindings.values()} == set(policies())
    assert {tuple(item["spec"]["validationActions"]) for item in bindings.values()} == {("Deny", "Audit")}


def test_they_hold_by_name_in_the_mesh_and_nowhere_outside_of_it() -> None:
    bindings = of_kind("ValidatingAdmissionPolicyBinding", made())
    in_mesh = [SECURE_APPS.name, PAYMENTS.name]
    assert {name: bound_to(bindings[name]) for name in OF_APPLICATIONS} == dict.fromkeys(OF_APPLICATIONS, in_mesh)
    expected = {key: [*in_mesh, *PLATFORM] for key in WITH_PLATFORM}
    assert {name: bound_to(bindings[name]) for name in WITH_PLATFORM} == expected
    assert set(bindings) == {*OF_APPLICATIONS, *WITH_PLATFORM, "mesh-istio"}


def test_istios_kinds_are_the_deployers_in_every_namespace_unless_a_setting_says_otherwise() -> None:
    bindings = of_kind("ValidatingAdmissionPolicyBinding", made())
    assert bound_to(bindings["mesh-istio"]) is None
    opened = of_kind("ValidatingAdmissionPolicyBinding", made(istio_elsewhere=True))
    assert bound_to(opened["mesh-istio"]) == [SECURE_APPS.name, PAYMENTS.name, *PLATFORM]


def test_a_stack_outside_the_mesh_keeps_only_what_is_the_platforms() -> None:
    bindings = of_kind("ValidatingAdmissionPolicyBinding", made(LEGACY))
    assert set(bindings) == {*WITH_PLATFORM, "mesh-istio"}
    assert set(policies(LEGACY)) == set(bindings)


def test_a_namespace_may_be_warned_only() -> None:
    documents = made(dataclasses.replace(SECURE_APPS, admission="warn"), PAYMENTS)
    bindings = of_kind("ValidatingAdmissionPolicyBinding", documents)
    assert bound_to(bindings["mesh-pods"]) == [PAYMENTS.name]
    assert bound_to(bindings["mesh-pods-warn"]) == [SECURE_APPS.name]
    assert bindings["mesh-pods-warn"]["spec"]["validationActions"] == ["Warn", "Audit"]


@pytest.mark.parametrize("name", ["mesh-pods", "mesh-workloads", "mesh-cron-jobs"])
def test_pods_and_all_that_makes_them_are_under_the_same_rules(name: str) -> None:
    found = {rule["message"] for rule in policies()[name]["spec"]["validations"]}
    shared = {rule["message"] for rule in policies()["mesh-cron-jobs"]["spec"]["validations"]}
    only_before_injection = {"The names of the sidecar's containers and volumes are istiod's: choose another."}
    assert shared - only_before_injection <= found
    assert str(SIDECAR_USER) in str(policies()[name]["spec"]["validations"])


def test_every_kind_of_kubernetes_that_makes_pods_is_looked_at() -> None:
    looked_at = {
        resource
        for name in ("mesh-pods", "mesh-workloads", "mesh-cron-jobs")
        for entry in policies()[name]["spec"]["matchConstraints"]["resourceRules"]
        for resource in entry["resources"]
        if entry["operations"] == ["CREATE", "UPDATE"]
    }
    assert looked_at == {
        "pods", "pods/ephemeralcontainers", "replicationcontrollers", "deployments", "replicasets", "statefulsets",
        "daemonsets", "jobs", "cronjobs",
    }  # fmt: skip


def test_the_sidecars_image_is_the_one_of_the_settings_registry() -> None:
    documents = of_kind("ValidatingAdmissionPolicy", made(registry="registry.example.com/mesh"))
    assert "registry.example.com/mesh/istio/proxyv2:" in str(documents["mesh-pods"])


@pytest.mark.parametrize(
    ("setting", "opened"),
    [
        ("exec", {"pods/exec", "pods/attach"}),
        ("port_forward", {"pods/portforward"}),
        ("debug_containers", {"pods/ephemeralcontainers"}),
    ],
)
def test_a_way_into_a_pod_is_open_only_by_its_setting(setting: str, opened: set[str]) -> None:
    def refused(**admission: bool) -> set[str]:
        rules = policies(**admission)["mesh-interactive"]["spec"]["matchConstraints"]["resourceRules"]
        return {name for rule in rules for name in rule["resources"]}

    assert refused() - refused(**{setting: True}) == opened
    assert {"pods/proxy", "services/proxy"} <= refused(exec=True, port_forward=True, debug_containers=True)


def test_whoever_else_makes_pods_is_named() -> None:
    rules = str(policies(pod_makers=("serviceAccount:argo/workflows", "group:makers"))["mesh-pods"])
    assert "system:serviceaccount:argo:workflows" in rules
    assert "makers" in rules


def test_only_what_would_be_refused_costs_a_question_to_the_authorizer() -> None:
    """Each rule names the deployer last, or is about nothing else."""
    for policy in policies().values():
        for rule in policy["spec"]["validations"]:
            assert re.search(r"variables\.deployer\)?$", rule["expression"]), rule["expression"]


def test_no_expression_is_longer_than_the_api_server_parses() -> None:
    """cel-go refuses more than 100,000 code points."""
    assert max(len(item["expression"]) for p in policies().values() for item in p["spec"]["variables"]) < 20_000
