"""The workload of an application, and how it is reached."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import pytest
from pydantic import SecretStr

from configuration.applications import Application, Caller, FromSecret, Namespace
from configuration.kinds.secrets import Secrets
from manifests.application import ApplicationDocuments, application_documents
from manifests.collector import collector_documents
from manifests.images import Images
from manifests.mesh_graph import Member
from manifests.routing import application_destination_rule, virtual_service
from manifests.shadow import is_tried, namespace_shadow
from manifests.workload import deployment
from tests.unit.manifests.golden_files import assert_golden
from tests.unit.mesh_stack import LEGACY, PAYMENTS, SECURE_APPS, graph, member


def rendered(namespace: Namespace, name: str, **plaintext: frozenset[str]) -> ApplicationDocuments:
    return application_documents(
        member(namespace, name),
        graph=graph(**plaintext),
        images=Images(),
        revision="1-31-1",
        tracing=True,
        region="eu-west-1",
    )


def pod(namespace: Namespace, name: str, *, registry: str | None = None) -> dict[str, Any]:
    document = deployment(member(namespace, name), images=Images(registry), revision="1-31-1")
    return document["spec"]["template"]


def test_a_volume_would_have_no_name() -> None:
    application = Application(name="a", image="x:1", writable_paths=("/_", "/-", "/data"))
    document = deployment(Member(namespace=SECURE_APPS, application=application), images=Images(), revision="1")
    names = [volume["name"] for volume in document["spec"]["template"]["spec"]["volumes"]]
    assert all(names)
    assert len(set(names)) == 4


def test_another_pipelines_workload_gets_its_rules_and_nothing_of_the_workload() -> None:
    documents = rendered(PAYMENTS, "statements")
    assert (documents.service_account, documents.deployment, documents.workload) == (None, None, ())
    kinds = [policy["kind"] for policy in documents.policies]
    # The second one is that of phase strict, tried out.
    assert kinds == ["Sidecar", "AuthorizationPolicy", "AuthorizationPolicy", "NetworkPolicy"]
    assert documents.virtual_service is not None
    assert documents.destination_rule is not None


def test_an_adopted_application_would_be_called_where_it_does_not_listen() -> None:
    old = Application(
        name="old", workload="external", port=8080, service_port=80, service="old-svc", hosts=("old.example.com",)
    )
    namespace = dataclasses.replace(PAYMENTS, applications=(old,))
    documents = application_documents(
        Member(namespace=namespace, application=old),
        graph=graph(namespace),
        images=Images(),
        revision="1",
        tracing=True,
        region="eu-west-1",
    )
    assert documents.destination_rule is not None
    assert documents.destination_rule["spec"]["host"] == "old-svc.payments.svc.cluster.local"
    assert documents.virtual_service is not None
    (route,) = documents.virtual_service["spec"]["http"][0]["route"]
    assert route["destination"] == {"host": "old-svc.payments.svc.cluster.local", "port": {"number": 80}}
    _, allowed, *_, network = documents.policies
    assert allowed["spec"]["rules"][0]["to"][0]["operation"]["ports"] == ["8080"], "policies see the container's port"
    assert network["spec"]["ingress"][0]["ports"] == [{"port": 8080, "protocol": "TCP"}]


def test_a_caller_in_two_entries_would_have_the_methods_of_one_on_the_paths_of_the_other() -> None:
    callers = (
        Caller(application="ledger", methods=("GET",), paths=("/a",)),
        Caller(application="ledger", methods=("POST",), paths=("/b",)),
    )
    callee = Application(name="callee", workload="external", port=8080, callers=callers)
    namespace = dataclasses.replace(PAYMENTS, applications=(PAYMENTS.applications[0], callee))
    documents = application_documents(
        Member(namespace=namespace, application=callee),
        graph=graph(namespace, SECURE_APPS, LEGACY),
        images=Images(),
        revision="1",
        tracing=True,
        region="eu-west-1",
    )
    _, allowed, *_, network = documents.policies
    operations = [rule["to"][0]["operation"] for rule in allowed["spec"]["rules"]]
    assert [(one["methods"], one["paths"]) for one in operations] == [(["GET"], ["/a"]), (["POST"], ["/b"])]
    assert len(network["spec"]["ingress"][0]["from"]) == 1


def test_a_job_that_only_calls_has_no_service_no_probes_and_no_rule_to_call_it() -> None:
    documents = rendered(SECURE_APPS, "inventory-job")
    assert (documents.workload, documents.destination_rule, documents.virtual_service) == ((), None, None)
    assert [policy["kind"] for policy in documents.policies] == ["Sidecar"]
    (container,) = pod(SECURE_APPS, "inventory-job")["spec"]["containers"]
    assert not {"ports", "readinessProbe", "livenessProbe", "lifecycle"} & set(container)


SCALED = Application(name="shop-ui", image="x:1", port=8080, min_replicas=3, max_replicas=9)


def scaled_documents(application: Application) -> ApplicationDocuments:
    namespace = Namespace(name="shop", phase="strict", applications=(application,))
    one = Member(namespace=namespace, application=application)
    return application_documents(
        one, graph=graph(namespace), images=Images(), revision="1", tracing=True, region="eu-west-1"
    )


def test_an_autoscaler_goes_by_the_applications_own_container() -> None:
    documents = scaled_documents(SCALED)
    assert documents.autoscaler is not None
    assert documents.autoscaler["spec"] == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop-ui"},
        "minReplicas": 3,
        "maxReplicas": 9,
        "metrics": [
            {
                "type": "ContainerResource",
                "containerResource": {
                    "name": "cpu",
                    "container": "shop-ui",
                    "target": {"type": "Utilization", "averageUtilization": 70},
                },
            }
        ],
    }
    assert documents.deployment is not None
    (container,) = documents.deployment["spec"]["template"]["spec"]["containers"]
    assert container["name"] == "shop-ui", "the autoscaler would find no such container"
    assert container["resources"]["requests"]["cpu"], "a percentage of nothing"
    assert "PodDisruptionBudget" in [document["kind"] for document in documents.workload]


def test_a_fixed_number_is_taken_back_from_the_autoscaler_that_was_there() -> None:
    fixed = scaled_documents(dataclasses.replace(SCALED, min_replicas=None, max_replicas=None, replicas=4))
    assert fixed.autoscaler is None
    assert fixed.deployment is not None
    assert fixed.deployment["spec"]["replicas"] == 4
    assert fixed.deployment["metadata"]["annotations"] == {"pulumi.com/patchForce": "true"}, (
        "or the apply is a conflict"
    )
    scaled = scaled_documents(SCALED).deployment
    assert scaled is not None
    assert scaled["spec"]["replicas"] == 3, "what it begins with; left out it would be 1"
    assert "annotations" not in scaled["metadata"]


@pytest.mark.parametrize("phase", ["permissive", "strict"])
def test_in_the_mesh_callers_use_mutual_tls_once_the_pods_have_sidecars(phase: Literal["permissive", "strict"]) -> None:
    documents = rendered(dataclasses.replace(SECURE_APPS, phase=phase), "frontend-ui")
    assert documents.destination_rule is not None
    assert documents.destination_rule["spec"] == {
        "host": "frontend-ui.secure-apps.svc.cluster.local",
        "trafficPolicy": {
            "loadBalancer": {"consistentHash": {"httpCookie": {"name": "session", "path": "/", "ttl": "3600s"}}},
            "tls": {
                "mode": "ISTIO_MUTUAL",
                "subjectAltNames": ["spiffe://cluster.local/ns/secure-apps/sa/frontend-ui-sa"],
            },
        },
    }
    assert documents.rule_before_pods is False


def test_outside_the_mesh_callers_stop_using_mutual_tls_before_the_pods_lose_their_sidecars() -> None:
    documents = rendered(LEGACY, "reports")
    assert documents.destination_rule is not None
    assert documents.destination_rule["spec"]["trafficPolicy"] == {"tls": {"mode": "DISABLE"}}
    assert documents.rule_before_pods is True


def test_outside_the_mesh_what_its_last_sidecars_ask_for_stays_and_nothing_closes_pods_without_one() -> None:
    kinds = [policy["kind"] for policy in rendered(LEGACY, "reports").policies]
    assert "Sidecar" in kinds
    assert "NetworkPolicy" not in kinds


@pytest.mark.parametrize("authorization", ["enforce", "shadow"])
def test_a_pod_that_still_has_its_sidecar_outside_the_mesh_refuses_nobody(authorization: str) -> None:
    """It is told of new policies while it drains. Without any, the mesh's own would refuse all its callers."""
    leaving = dataclasses.replace(PAYMENTS, phase="outside", authorization=authorization)
    policies = [policy for policy in rendered(leaving, "ledger").policies if policy["kind"] == "AuthorizationPolicy"]
    assert [is_tried(policy) for policy in policies] == [True]
    assert [policy["spec"] for policy in namespace_shadow(leaving)] == [{"action": "ALLOW", "rules": [{}]}]


def test_an_exempt_application_is_called_in_plaintext_until_its_pipeline_has_restarted_it() -> None:
    host = "statements.payments.svc.cluster.local"
    rule = application_destination_rule(member(PAYMENTS, "statements"), graph(plaintext_hosts=frozenset({host})))
    assert rule is not None
    assert rule["spec"] == {"host": host, "trafficPolicy": {"tls": {"mode": "DISABLE"}}}


def test_callers_insist_on_the_identity_of_the_application_wherever_they_use_mutual_tls() -> None:
    rule = application_destination_rule(member(SECURE_APPS, "billing-api"), graph())
    assert rule is not None
    assert rule["spec"]["trafficPolicy"]["tls"] == {
        "mode": "ISTIO_MUTUAL",
        "subjectAltNames": ["spiffe://cluster.local/ns/secure-apps/sa/billing-api-sa"],
    }


def test_a_service_account_named_beside_it_is_taken_for_the_application_s_own() -> None:
    moving = Application(name="a", image="a:1", port=80, service_account="new", accepted_service_accounts=("old",))
    namespace = Namespace(name="shop", phase="permissive", applications=(moving,))
    rule = application_destination_rule(member(namespace, "a"), graph(namespace))
    assert rule is not None
    assert rule["spec"]["trafficPolicy"]["tls"]["subjectAltNames"] == [
        "spiffe://cluster.local/ns/shop/sa/new",
        "spiffe://cluster.local/ns/shop/sa/old",
    ]


def test_stickiness_by_header() -> None:
    rule = application_destination_rule(member(PAYMENTS, "ledger"), graph())
    assert rule is not None
    assert rule["spec"]["trafficPolicy"]["loadBalancer"] == {"consistentHash": {"httpHeaderName": "x-account"}}


def test_a_sticky_application_s_retries_leave_the_pod_that_did_not_answer() -> None:
    sticky = virtual_service(member(SECURE_APPS, "frontend-ui"))
    assert sticky is not None
    assert sticky["spec"]["http"][0]["retries"]["retryIgnorePreviousHosts"] is True


def test_what_is_not_sticky_keeps_the_mesh_s_own_retries() -> None:
    plain = Application(name="a", image="a:1", port=80, hosts=("a.example.com",))
    found = virtual_service(member(Namespace(name="shop", phase="strict", applications=(plain,)), "a"))
    assert found is not None
    assert "retries" not in found["spec"]["http"][0]


def test_pods_roll_when_istios_revision_changes_or_their_namespace_enters_or_leaves_the_mesh() -> None:
    inside, outside = pod(SECURE_APPS, "billing-api"), pod(LEGACY, "reports")
    assert inside["metadata"]["labels"]["istio.io/rev"] == "1-31-1"
    assert "istio.io/rev" not in outside["metadata"]["labels"]


def test_the_selector_is_the_one_label_that_never_changes() -> None:
    document = deployment(member(SECURE_APPS, "billing-api"), images=Images(), revision="1-31-1")
    assert document["spec"]["selector"] == {"matchLabels": {"app": "billing-api"}}


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("ghcr.io/example/a:v1.2.0", "v1.2.0"),
        ("registry:5000/a:v1@sha256:" + "ab" * 32, "v1"),
        ("ghcr.io/example/a@sha256:" + "ab" * 32, "abababababab"),
        ("ghcr.io/example/a:" + "x" * 70, "x" * 63),
    ],
)
def test_the_version_is_the_images(image: str, version: str) -> None:
    namespace = Namespace(name="shop", phase="strict", applications=(Application(name="a", image=image),))
    assert pod(namespace, "a")["metadata"]["labels"]["version"] == version


def test_the_image_comes_from_the_private_registry() -> None:
    registry = "registry.internal.example.com/mesh"
    containers = pod(SECURE_APPS, "billing-api", registry=registry)["spec"]["containers"]
    assert [container["image"] for container in containers] == [f"{registry}/example/billing-api:v1.2.0"]


def test_writable_paths_get_a_volume_each_named_after_the_path() -> None:
    paths = ("/tmp/", "/var/lib/App_Data", "/var/lib/app-data", "/" + "deep/" * 20)
    namespace = Namespace(
        name="shop", phase="strict", applications=(Application(name="a", image="a:1", writable_paths=paths),)
    )
    spec = pod(namespace, "a")["spec"]
    (container,) = spec["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert list(mounts) == ["/tmp", "/var/lib/App_Data", "/var/lib/app-data", "/" + ("deep/" * 20).rstrip("/")]
    assert (mounts["/tmp"], mounts["/var/lib/App_Data"]) == ("tmp", "var-lib-app-data")
    assert len(set(mounts.values())) == 4
    assert spec["volumes"] == [{"name": name, "emptyDir": {}} for name in mounts.values()]


def test_the_collector() -> None:
    assert_golden("collector", collector_documents(region="eu-west-1", images=Images()))


def test_a_new_configuration_rolls_the_collector() -> None:
    def checksum(region: str) -> str:
        (document,) = [d for d in collector_documents(region=region, images=Images()) if d["kind"] == "Deployment"]
        return document["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert checksum("eu-west-1") == checksum("eu-west-1") != checksum("eu-central-1")


def test_istio_shows_a_service_to_its_callers_namespaces_alone() -> None:
    def seen_by(namespace: Namespace, name: str) -> str:
        (found,) = (item for item in rendered(namespace, name).workload if item["kind"] == "Service")
        return found["metadata"]["annotations"]["networking.istio.io/exportTo"]

    assert seen_by(SECURE_APPS, "billing-api") == "secure-apps"
    assert seen_by(SECURE_APPS, "frontend-ui") == "istio-ingress,secure-apps"
    assert seen_by(PAYMENTS, "ledger") == "legacy,payments,secure-apps"


def test_secrets_of_an_environment_stand_in_a_secret_of_the_application() -> None:
    application = Application(
        name="till",
        image="ghcr.io/example/till:v1",
        environment={
            "LEVEL": "info",
            "API_KEY": FromSecret(secret="stripe"),
            "PIN": FromSecret(secret="pin"),
            "DATABASE_URL": FromSecret(secret_ref="till-db/url"),
        },
    )
    secrets = Secrets(key=SecretStr("k" * 32), values={"stripe": SecretStr("sk"), "pin": SecretStr("0042")})
    namespace = Namespace(name="shop", phase="strict", applications=(application,))
    documents = application_documents(
        Member(namespace=namespace, application=application),
        graph=graph(namespace),
        images=Images(),
        region="eu-west-1",
        revision="1-31-1",
        tracing=True,
        secrets=secrets,
    )
    assert_golden("application-with-secrets", [documents.secret, documents.deployment])
