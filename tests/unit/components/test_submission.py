"""How a document becomes a resource."""

from __future__ import annotations

from collections.abc import Callable

import pulumi
import pytest

from components.submission import patch_namespace, release, submit
from manifests.document import Document, document
from tests.unit.components.recording import run
from versions import Chart

OPTS = pulumi.ResourceOptions()


def submitted(document: Document) -> Callable[[], None]:
    def program() -> None:
        submit(document, opts=OPTS)

    return program


def test_a_built_in_kind_is_submitted_as_its_own_type_so_that_pulumi_awaits_it(preview: bool) -> None:
    pod = {"serviceAccountName": "a", "containers": [{"name": "a", "image": "a:1"}]}
    spec = {
        "minReadySeconds": 5,
        "selector": {"matchLabels": {"app.kubernetes.io/name": "a"}},
        "template": {"metadata": {"labels": {"app.kubernetes.io/name": "a"}}, "spec": pod},
    }
    recording = run(submitted(document("apps/v1", "Deployment", "a", namespace="shop", spec=spec)), preview=preview)
    registration = recording["kubernetes:apps/v1:Deployment::shop/a"]
    assert registration.inputs == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": spec,
    }


def test_what_stands_beside_spec_arrives_too(preview: bool) -> None:
    account = document("v1", "ServiceAccount", "a", namespace="shop", automountServiceAccountToken=False)
    recording = run(submitted(account), preview=preview)
    assert recording["kubernetes:core/v1:ServiceAccount::shop/a"].inputs["automountServiceAccountToken"] is False


def test_everything_else_is_a_custom_resource_even_with_an_empty_spec(preview: bool) -> None:
    policy = document("security.istio.io/v1", "AuthorizationPolicy", "deny-all", namespace="shop", spec={})
    recording = run(submitted(policy), preview=preview)
    assert recording["kubernetes:security.istio.io/v1:AuthorizationPolicy::shop/deny-all"].inputs == {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "deny-all", "namespace": "shop"},
        "spec": {},
    }


def test_a_cluster_scoped_object_is_named_by_its_name_alone(preview: bool) -> None:
    recording = run(submitted(document("cert-manager.io/v1", "ClusterIssuer", "ca", spec={})), preview=preview)
    assert recording.keys == ("kubernetes:cert-manager.io/v1:ClusterIssuer::ca",)


@pytest.mark.parametrize("api_version", ["v1", "batch/v1", "storage.k8s.io/v1"])
def test_a_built_in_kind_that_nobody_would_await_is_refused(api_version: str) -> None:
    with pytest.raises(ValueError, match=f"{api_version} Thing is a kind of Kubernetes itself"):
        submit(document(api_version, "Thing", "a"), opts=OPTS)


def test_a_namespace_that_somebody_else_made_is_patched(preview: bool) -> None:
    def program() -> None:
        patch_namespace(document("v1", "Namespace", "shop", labels={"istio.io/rev": "stable"}), opts=OPTS)

    recording = run(program, preview=preview)
    assert recording["kubernetes:core/v1:NamespacePatch::shop"].inputs == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "shop", "labels": {"istio.io/rev": "stable"}},
    }


def test_a_chart_of_a_registry_is_named_in_full_and_leaves_its_definitions_to_another(preview: bool) -> None:
    chart = Chart(repository="oci://registry.example.com/charts", name="agent", version="1.2.3")

    def program() -> None:
        release("agent", chart, namespace="kube-system", values={}, skip_crds=True, opts=OPTS)

    inputs = run(program, preview=preview)["kubernetes:helm.sh/v3:Release::agent"].inputs
    assert (inputs["chart"], inputs["version"]) == ("oci://registry.example.com/charts/agent", "1.2.3")
    assert "repositoryOpts" not in inputs, "Helm would look for an index there, and a registry has none"
    assert inputs["skipCrds"] is True


def test_nothing_but_a_namespace_is_patched() -> None:
    with pytest.raises(ValueError, match="only a Namespace is patched, not a Service"):
        patch_namespace(document("v1", "Service", "a", namespace="shop"), opts=OPTS)


def test_a_release_has_its_name_and_waits(preview: bool) -> None:
    chart = Chart(repository="https://charts.example.com", name="gateway", version="1.2.3")

    def program() -> None:
        release("istio-ingressgateway", chart, namespace="istio-ingress", values={"replicas": 2}, opts=OPTS)

    recording = run(program, preview=preview)
    assert recording["kubernetes:helm.sh/v3:Release::istio-ingressgateway"].inputs == {
        "atomic": True,
        "chart": "gateway",
        "cleanupOnFail": True,
        "compat": "true",
        "maxHistory": 5,
        "name": "istio-ingressgateway",
        "namespace": "istio-ingress",
        "repositoryOpts": {"repo": "https://charts.example.com"},
        "skipAwait": False,
        "timeout": 600,
        "values": {"replicas": 2},
        "version": "1.2.3",
    }
