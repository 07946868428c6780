"""What holds for the whole mesh."""

from __future__ import annotations

import dataclasses
from typing import Literal

import pytest

from configuration.applications import Namespace
from configuration.mesh import Mesh, Observability, PlaintextService
from manifests.gateway import gateway_document
from manifests.mesh_policies import MeshPolicyDocuments, mesh_mode, mesh_policy_documents
from tests.unit.manifests.golden_files import assert_golden
from tests.unit.mesh_stack import LEGACY, NAMESPACES, PAYMENTS, SECURE_APPS


def rendered(
    namespaces: tuple[Namespace, ...] = NAMESPACES, *, mesh: Mesh | None = None, tracing: bool = True
) -> MeshPolicyDocuments:
    return mesh_policy_documents(
        mesh=mesh or Mesh(),
        observability=Observability(tracing=tracing, sampling_percent=20),
        namespaces=namespaces,
        cluster_name="mesh-dev",
        environment="dev",
    )


def test_the_documents_of_the_root_namespace() -> None:
    documents = rendered()
    assert documents.gateway_allow is not None
    assert_golden(
        "mesh-policies",
        [
            *documents.exemptions,
            documents.mutual_tls,
            documents.gateway_allow,
            documents.deny_all,
            documents.peer_authentication,
            documents.sidecar,
            documents.telemetry,
            *documents.envoy_filters,
        ],
    )


@pytest.mark.parametrize(
    ("phases", "held", "expected"),
    [
        (("strict", "strict"), "derived", "STRICT"),
        (("strict", "permissive"), "derived", "PERMISSIVE"),
        (("strict", "outside"), "derived", "PERMISSIVE"),
        ((), "derived", "STRICT"),
        (("strict", "strict"), "PERMISSIVE", "PERMISSIVE"),
        (("strict",), "STRICT", "STRICT"),
    ],
)
def test_the_mesh_is_strict_when_every_namespace_is_unless_the_settings_hold_it(
    phases: tuple[Literal["outside", "permissive", "strict"], ...],
    held: Literal["derived", "PERMISSIVE", "STRICT"],
    expected: str,
) -> None:
    namespaces = tuple(Namespace(name=f"n{index}", phase=phase) for index, phase in enumerate(phases))
    assert mesh_mode(Mesh(peer_authentication=held), namespaces) == expected


def test_every_destination_rule_says_its_tls_mode() -> None:
    documents = rendered(mesh=Mesh(plaintext_services=(PROMETHEUS,)))
    rules = [*documents.exemptions, documents.mutual_tls]
    assert {rule["spec"]["host"]: rule["spec"]["trafficPolicy"] for rule in rules} == {
        "kubernetes.default.svc.cluster.local": {"tls": {"mode": "DISABLE"}},
        "*.kube-system.svc.cluster.local": {"tls": {"mode": "DISABLE"}},
        "otel-collector.observability.svc.cluster.local": {"tls": {"mode": "DISABLE"}},
        "*.legacy.svc.cluster.local": {"tls": {"mode": "DISABLE"}},
        "prometheus.monitoring.svc.cluster.local": {"tls": {"mode": "DISABLE"}},
        "*.local": {"tls": {"mode": "ISTIO_MUTUAL"}},
    }


PROMETHEUS = PlaintextService(
    host="prometheus.monitoring.svc.cluster.local", reason="Runs without a sidecar, by the vendor's chart."
)


def test_an_exemption_of_the_settings_carries_its_reason() -> None:
    rule = rendered(mesh=Mesh(plaintext_services=(PROMETHEUS,))).exemptions[-1]
    assert rule["metadata"] == {
        "name": "plaintext-service-prometheus.monitoring",
        "namespace": "istio-system",
        "annotations": {"reason": PROMETHEUS.reason},
    }


def test_an_application_that_is_exempt_has_that_in_its_own_rule_only() -> None:
    exempt = PlaintextService(
        host="statements.payments.svc.cluster.local", reason="Its pipeline has not restarted it with a sidecar yet."
    )
    hosts = [rule["spec"]["host"] for rule in rendered(mesh=Mesh(plaintext_services=(exempt,))).exemptions]
    assert exempt.host not in hosts


def test_the_gateway_answers_nobody_where_nothing_is_public() -> None:
    internal = dataclasses.replace(SECURE_APPS, applications=(SECURE_APPS.applications[0],))
    assert rendered((internal,)).gateway_allow is None


def test_without_tracing_nothing_names_the_collector() -> None:
    documents = rendered(tracing=False)
    assert all("otel" not in rule["spec"]["host"] for rule in documents.exemptions)
    dns = "kube-system/kube-dns.kube-system.svc.cluster.local"
    assert documents.sidecar["spec"]["egress"] == [{"hosts": [dns]}]
    assert documents.telemetry["spec"] == {
        "accessLogging": [{"providers": [{"name": "envoy"}], "match": {"mode": "CLIENT_AND_SERVER"}}]
    }


def test_the_gateway_listens_for_any_host_since_an_alb_sends_no_sni() -> None:
    assert_golden("gateway", [gateway_document((SECURE_APPS, LEGACY))])


def test_a_passthrough_server_stands_beside_it_for_hosts_that_serve_their_own_certificate() -> None:
    assert_golden("gateway-passthrough", [gateway_document((SECURE_APPS, PAYMENTS))])
