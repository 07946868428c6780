"""A namespace in each of its phases, and who may call whom."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import pytest

from configuration.applications import Application, Caller, Namespace
from configuration.leaving.egress import Egress
from configuration.mesh import Mesh
from manifests.application import application_documents
from manifests.authorization import PUBLIC_METHODS, application_authorization, host_matches, namespace_authorization
from manifests.images import Images
from manifests.mesh_graph import MeshGraph
from manifests.mesh_policies import MeshMode
from manifests.namespace import NamespaceDocuments, namespace_documents, platform_namespace
from manifests.network_policies import application_network_policy, namespace_network_policies
from manifests.sidecars import application_sidecar, service_entries
from tests.unit.manifests.golden_files import assert_golden
from tests.unit.mesh_stack import LEGACY, PAYMENTS, SECURE_APPS, graph, member

GATEWAY_PRINCIPAL = "cluster.local/ns/istio-ingress/sa/istio-ingressgateway"
ANYONE_WITHOUT_IDENTITY = {"source": {"notPrincipals": ["*"]}}


def rendered(namespace: Namespace, *, mode: MeshMode = "PERMISSIVE", tracing: bool = True) -> NamespaceDocuments:
    return namespace_documents(namespace, mesh=Mesh(), mode=mode, graph=graph(), tracing=tracing)


def everything(namespace: Namespace) -> list[Any]:
    documents = rendered(namespace)
    found = [documents.namespace, *documents.policies, *documents.tenants]
    found += [entry for entries in documents.external_hosts.values() for entry in entries]
    for application in namespace.applications:
        parts = application_documents(
            member(namespace, application.name),
            graph=graph(),
            images=Images(),
            revision="1-31-1",
            region="eu-west-1",
            tracing=True,
        )
        found += [part for part in (parts.service_account, *parts.policies, parts.deployment, *parts.workload) if part]
        found += [part for part in (parts.destination_rule, parts.virtual_service) if part]
    return found + ([documents.strict] if documents.strict else [])


@pytest.mark.parametrize("namespace", [SECURE_APPS, PAYMENTS, LEGACY], ids=lambda namespace: namespace.name)
def test_every_document_of_a_namespace(namespace: Namespace) -> None:
    assert_golden(f"namespace-{namespace.name}", everything(namespace))


@pytest.mark.parametrize(
    ("phase", "mode", "expected"),
    [
        ("strict", "PERMISSIVE", "STRICT"),
        ("strict", "STRICT", None),
        ("permissive", "PERMISSIVE", None),
        ("outside", "PERMISSIVE", None),
    ],
)
def test_a_namespace_says_its_mode_only_while_it_differs_from_the_mesh(
    phase: Literal["outside", "permissive", "strict"], mode: MeshMode, expected: str | None
) -> None:
    strict = rendered(dataclasses.replace(SECURE_APPS, phase=phase), mode=mode).strict
    assert (strict and strict["spec"]["mtls"]["mode"]) == expected


@pytest.mark.parametrize(("own", "label"), [(None, "1-31-1"), ("1.31.2", "1-31-2")])
def test_the_injection_label_is_the_revision_that_the_namespace_is_on(own: str | None, label: str) -> None:
    documents = namespace_documents(
        dataclasses.replace(SECURE_APPS, istio_version=own),
        mesh=Mesh(second_istio_version="1.31.2"),
        mode="STRICT",
        graph=graph(),
        tracing=True,
    )
    assert documents.namespace["metadata"]["labels"]["istio.io/rev"] == label


def test_outside_the_mesh_a_namespace_is_neither_injected_nor_restricted() -> None:
    documents = rendered(LEGACY)
    assert documents.namespace["metadata"]["labels"] == {
        "pod-security.kubernetes.io/audit": "baseline",
        "pod-security.kubernetes.io/warn": "baseline",
    }
    assert "NetworkPolicy" not in {policy["kind"] for policy in documents.policies}
    assert documents.strict is None


def test_a_namespace_of_the_platform_enforces_its_pod_security_level() -> None:
    assert platform_namespace("istio-system", labels={"a": "b"}) == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "istio-system",
            "labels": {
                "pod-security.kubernetes.io/enforce": "restricted",
                "pod-security.kubernetes.io/audit": "restricted",
                "pod-security.kubernetes.io/warn": "restricted",
                "a": "b",
            },
        },
    }


@pytest.mark.parametrize("namespace", [SECURE_APPS, PAYMENTS], ids=lambda namespace: namespace.name)
def test_no_policy_of_a_namespace_as_a_whole_lets_anybody_in(namespace: Namespace) -> None:
    policies = [item for item in rendered(namespace).policies if item["kind"] == "AuthorizationPolicy"]
    assert [(policy["metadata"]["name"], policy["spec"]) for policy in policies] == [("deny-all", {})]


def test_the_gateway_reaches_a_public_application_under_its_hosts_and_on_its_port_and_no_private_one() -> None:
    public = application_authorization(member(SECURE_APPS, "frontend-ui"), graph())
    assert public is not None
    assert public["spec"]["rules"] == [
        {
            "from": [{"source": {"principals": [GATEWAY_PRINCIPAL]}}],
            "to": [
                {
                    "operation": {
                        "ports": ["8080"],
                        "hosts": ["app.example.com", "app.example.com:443", "www.example.com", "www.example.com:443"],
                        "methods": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
                    }
                }
            ],
        }
    ]
    private = application_authorization(member(SECURE_APPS, "billing-api"), graph())
    assert GATEWAY_PRINCIPAL not in str(private)


def test_no_host_of_a_policy_is_a_pattern() -> None:
    assert host_matches(("a.example.com",)) == ["a.example.com", "a.example.com:443"]


def test_no_rule_of_a_strict_namespace_is_without_principals() -> None:
    policies = [
        namespace_authorization(SECURE_APPS),
        *(application_authorization(member(SECURE_APPS, name), graph()) for name in ("billing-api", "frontend-ui")),
    ]
    sources = [
        source for policy in policies if policy for rule in policy["spec"].get("rules", ()) for source in rule["from"]
    ]
    assert sources == [
        {"source": {"principals": ["cluster.local/ns/secure-apps/sa/frontend-ui-sa"]}},
        {"source": {"principals": [GATEWAY_PRINCIPAL]}},
    ]


def test_while_a_namespace_is_permissive_its_declared_calls_may_come_without_an_identity() -> None:
    policy = application_authorization(member(PAYMENTS, "ledger"), graph())
    assert policy is not None
    assert policy["spec"]["rules"] == [
        {
            "from": [
                {"source": {"principals": ["cluster.local/ns/secure-apps/sa/billing-api-sa"]}},
                ANYONE_WITHOUT_IDENTITY,
            ],
            "to": [{"operation": {"ports": ["8080"], "methods": ["GET", "POST"], "paths": ["/entries/*"]}}],
        },
        {
            # Outside the mesh; but for its last pods on the way out, and its first on the way in.
            "from": [{"source": {"principals": ["cluster.local/ns/legacy/sa/reports-sa"]}}, ANYONE_WITHOUT_IDENTITY],
            "to": [{"operation": {"ports": ["8080"], "methods": ["GET"], "paths": ["/entries/*"]}}],
        },
    ]


def test_in_plaintext_the_gateway_reaches_a_public_application_and_no_other_of_its_namespace() -> None:
    policy = application_authorization(member(PAYMENTS, "statements"), graph())
    assert policy is not None
    assert policy["spec"]["rules"] == [
        {
            "from": [{"source": {"principals": [GATEWAY_PRINCIPAL]}}, ANYONE_WITHOUT_IDENTITY],
            "to": [
                {
                    "operation": {
                        "ports": ["8443"],
                        "hosts": ["statements.example.com", "statements.example.com:443"],
                        "methods": list(PUBLIC_METHODS),
                    }
                }
            ],
        }
    ]


def test_an_opaque_application_is_matched_by_port_alone() -> None:
    policy = application_authorization(member(PAYMENTS, "cache"), graph())
    assert policy is not None
    assert [rule["to"] for rule in policy["spec"]["rules"]] == [[{"operation": {"ports": ["6379"]}}]]


def test_an_application_that_nobody_may_call_has_a_policy_that_matches_nobody() -> None:
    lonely = Namespace(name="shop", phase="strict", applications=(Application(name="api", image="a:1", port=80),))
    policy = application_authorization(member(lonely, "api"), graph(lonely))
    assert policy is not None
    assert policy["spec"] == {"selector": {"matchLabels": {"app": "api"}}, "action": "ALLOW"}


def test_while_an_application_moves_to_another_service_account_both_are_taken_for_it() -> None:
    moving = Namespace(
        name="shop",
        phase="strict",
        applications=(
            Application(name="api", image="a:1", port=80, callers=(Caller(application="web"),)),
            Application(name="web", image="a:1", accepted_service_accounts=("web-2",)),
        ),
    )
    policy = application_authorization(member(moving, "api"), graph(moving))
    assert policy is not None
    assert policy["spec"]["rules"][0]["from"] == [
        {"source": {"principals": ["cluster.local/ns/shop/sa/web-sa", "cluster.local/ns/shop/sa/web-2"]}}
    ]


def test_a_pod_that_is_none_of_the_applications_may_call_nobody() -> None:
    (default,) = (item for item in rendered(SECURE_APPS).policies if item["kind"] == "Sidecar")
    assert default["spec"]["egress"] == [
        {
            "hosts": [
                "kube-system/kube-dns.kube-system.svc.cluster.local",
                "observability/otel-collector.observability.svc.cluster.local",
            ]
        }
    ]


def test_each_application_may_call_what_it_declares_and_nothing_else() -> None:
    platform = [
        "kube-system/kube-dns.kube-system.svc.cluster.local",
        "observability/otel-collector.observability.svc.cluster.local",
    ]
    hosts = {
        application.name: application_sidecar(member(SECURE_APPS, application.name), graph=graph(), tracing=True)[
            "spec"
        ]["egress"]
        for application in SECURE_APPS.applications
    }
    assert hosts == {
        "billing-api": [{"hosts": ["./api.stripe.com", "payments/ledger.payments.svc.cluster.local", *platform]}],
        "frontend-ui": [{"hosts": ["./billing-api.secure-apps.svc.cluster.local", *platform]}],
        "inventory-job": [{"hosts": platform}],
    }


def test_applications_that_declare_one_host_share_its_entry_with_all_ports() -> None:
    def application(name: str, *egress: Egress) -> Application:
        return Application(name=name, image="a:1", egress=egress)

    shared = Namespace(
        name="shop",
        phase="strict",
        applications=(
            application("a", Egress(host="api.example.net", port=8443, protocol="HTTPS")),
            application("b", Egress(host="api.example.net"), Egress(host="printer.local", port=631, protocol="HTTP")),
        ),
    )
    entries = service_entries(shared)
    assert list(entries) == ["api.example.net", "printer.local"]
    (entry,) = entries["api.example.net"]
    assert entry["spec"] == {
        "hosts": ["api.example.net"],
        "ports": [
            {"number": 443, "name": "tls-443", "protocol": "TLS"},
            {"number": 8443, "name": "https-8443", "protocol": "HTTPS"},
        ],
        "location": "MESH_EXTERNAL",
        "resolution": "DNS",
        "exportTo": ["."],
    }
    _, rule = entries["printer.local"]
    assert rule["spec"] == {"host": "printer.local", "trafficPolicy": {"tls": {"mode": "DISABLE"}}}, (
        "the mesh-wide *.local rule would speak mutual TLS to it"
    )


def test_where_the_sidecar_begins_the_tls_it_names_the_host_and_checks_its_certificate() -> None:
    application = Application(
        name="a", image="a:1", egress=(Egress(host="api.example.com", port=8443, originate=True),)
    )
    namespace = Namespace(name="shop", phase="strict", applications=(application,))
    entry, rule = service_entries(namespace)["api.example.com"]
    # The application calls port 80; what leaves goes to the declared one.
    assert entry["spec"]["ports"] == [{"number": 80, "name": "http-80", "protocol": "HTTP", "targetPort": 8443}]
    assert rule["spec"] == {
        "host": "api.example.com",
        "trafficPolicy": {
            "tls": {
                "mode": "SIMPLE",
                "sni": "api.example.com",
                "subjectAltNames": ["api.example.com"],
                "caCertificates": "system",
            }
        },
        "exportTo": ["."],
    }
    policy = application_network_policy(member(namespace, "a"), graph(namespace))
    assert policy is not None
    assert policy["spec"]["egress"][0]["ports"] == [{"port": 8443, "protocol": "TCP"}]


def test_what_capture_leaves_out_no_network_policy_lets_out() -> None:
    """UDP, IPv6 and the sidecar's own ports go past the sidecar; only the NetworkPolicies stop them."""
    for namespace in (SECURE_APPS, PAYMENTS):
        policies = [*namespace_network_policies(namespace, tracing=True)]
        found = (application_network_policy(member(namespace, a.name), graph()) for a in namespace.applications)
        policies += [policy for policy in found if policy]
        assert policies[0]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        for rule in (rule for policy in policies for rule in policy["spec"].get("egress", ())):
            dns = [peer.get("podSelector") for peer in rule["to"]] == [{"matchLabels": {"k8s-app": "kube-dns"}}]
            assert all(port["protocol"] == "TCP" or (dns and port["port"] == 53) for port in rule["ports"])
            assert not any(15000 <= port["port"] <= 15099 for port in rule["ports"] if port["port"] != 15012)
            assert all(":" not in peer["ipBlock"]["cidr"] for peer in rule["to"] if "ipBlock" in peer)


def test_the_calls_of_the_stack_are_known_from_both_ends() -> None:
    calls: MeshGraph = graph()
    assert [callee.host for callee in calls.callees("payments", "ledger")] == [
        "reports.legacy.svc.cluster.local",
        "cache.payments.svc.cluster.local",
    ]
    assert [grant.caller.name for grant in calls.grants("payments", "ledger")] == ["billing-api", "reports"]
    assert calls.callees("secure-apps", "inventory-job") == ()
