"""The control plane, the certificate, the gateway and the mesh-wide policies: what is submitted, and in what order."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components.certificates import Certificates, CertificatesArgs
from components.ingress_gateway import IngressGateway, IngressGatewayArgs
from components.mesh_policies import MeshPolicies, MeshPoliciesArgs
from components.service_mesh import ServiceMesh, ServiceMeshArgs
from configuration import mesh as settings
from manifests.images import Images
from manifests.istio_values import IstioValues, gateway_values
from manifests.mesh_policies import mesh_policy_documents
from tests.unit.components.recording import Recording, run
from tests.unit.mesh_stack import NAMESPACES

NODES = "kubernetes:core/v1:ConfigMap::nodes"
CLUSTER = "kubernetes:core/v1:ConfigMap::cluster"
RELEASE = "kubernetes:helm.sh/v3:Release"
NAMESPACE = "kubernetes:core/v1:Namespace"


def part(name: str) -> pulumi.Resource:
    """Stands for a part of the stack that exists before."""
    return kubernetes.core.v1.ConfigMap(name)


def order(recording: Recording, component: str) -> dict[str, tuple[str, ...]]:
    """Of each child: what it depends on, nodes and cluster aside, which all of them need."""
    found: dict[str, tuple[str, ...]] = {}
    for key in recording.children(component):
        registration = recording[key]
        assert registration.deleted_with == CLUSTER, key
        assert NODES in recording.needs(key), key
        found[key] = tuple(other for other in registration.depends_on if other not in (NODES, CLUSTER))
    return found


@pytest.fixture
def make(preview: bool) -> Callable[[Callable[[pulumi.Resource, pulumi.Resource], Any]], Recording]:
    def make_it(program: Callable[[pulumi.Resource, pulumi.Resource], Any]) -> Recording:
        return run(lambda: program(part("nodes"), part("cluster")), preview=preview)

    return make_it


Make = Callable[[Callable[[pulumi.Resource, pulumi.Resource], Any]], Recording]


def test_the_control_plane_comes_in_the_order_of_its_charts(make: Make) -> None:
    def program(nodes: pulumi.Resource, cluster: pulumi.Resource) -> Any:
        mesh = ServiceMesh(
            "mesh",
            ServiceMeshArgs(
                mesh=settings.Mesh(second_istio_version="1.31.2"),
                gateway=settings.Gateway(),
                images=Images(),
                cluster_name="mesh-dev",
                tracing=True,
                after=(nodes,),
                deleted_with=cluster,
            ),
        )
        return {"revision": mesh.revision, "trust_domain": mesh.trust_domain}

    recording = make(program)
    assert order(recording, "mesh:service_mesh:ServiceMesh::mesh") == {
        f"{NAMESPACE}::istio-system": (),
        f"{RELEASE}::istio-base": (f"{NAMESPACE}::istio-system",),
        f"{RELEASE}::istio-cni": (f"{RELEASE}::istio-base",),
        f"{RELEASE}::istiod-1-31-1": (f"{RELEASE}::istio-cni",),
        f"{RELEASE}::istiod-1-31-2": (f"{RELEASE}::istio-cni",),
        f"{NAMESPACE}::istio-ingress": (f"{RELEASE}::istiod-1-31-1", f"{RELEASE}::istiod-1-31-2"),
    }
    both = settings.Mesh(second_istio_version="1.31.2")
    charts = IstioValues(mesh=both, images=Images(), cluster_name="mesh-dev", tracing=True)
    releases = recording.of_type(RELEASE)
    assert {
        name: (item.inputs["chart"], item.inputs["namespace"], item.inputs["version"], item.inputs["values"])
        for name, item in releases.items()
    } == {
        "istio-base": ("base", "istio-system", "1.31.2", charts.base()),
        "istio-cni": ("cni", "kube-system", "1.31.2", charts.cni()),
        "istiod-1-31-1": ("istiod", "istio-system", "1.31.1", charts.istiod("1.31.1")),
        "istiod-1-31-2": ("istiod", "istio-system", "1.31.2", charts.istiod("1.31.2")),
    }
    repositories = {item.inputs["repositoryOpts"]["repo"] for item in releases.values()}
    assert repositories == {"https://blob.istio.io/istio-release/charts"}
    assert recording.returned == {"revision": "1-31-1", "trust_domain": "cluster.local"}
    assert recording.component_outputs["mesh:service_mesh:ServiceMesh::mesh"] == recording.returned


def test_helm_would_refuse_the_objects_of_the_release_that_had_no_revision_in_its_name(make: Make) -> None:
    def program(nodes: pulumi.Resource, cluster: pulumi.Resource) -> None:
        args = ServiceMeshArgs(
            mesh=settings.Mesh(second_istio_version="1.31.2"),
            gateway=settings.Gateway(),
            images=Images(),
            cluster_name="mesh-dev",
            tracing=False,
            after=(nodes,),
            deleted_with=cluster,
        )
        ServiceMesh("mesh", args)

    releases = make(program).of_type(RELEASE)
    first, second = releases["istiod-1-31-1"], releases["istiod-1-31-2"]
    assert (first.aliases, first.delete_before_replace) == (("name=istiod",), True)
    assert (second.aliases, second.delete_before_replace) == ((), False), "two resources cannot have been one"


def test_the_gateways_namespace_is_injected_restricted_and_gated_by_the_load_balancer(make: Make) -> None:
    def program(nodes: pulumi.Resource, cluster: pulumi.Resource) -> None:
        args = ServiceMeshArgs(
            mesh=settings.Mesh(second_istio_version="1.31.2", network="vpc-shared"),
            gateway=settings.Gateway(istio_version="1.31.2"),
            images=Images(),
            cluster_name="mesh-dev",
            tracing=False,
            after=(nodes,),
            deleted_with=cluster,
        )
        ServiceMesh("mesh", args)

    namespaces = make(program).of_type(NAMESPACE)
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    assert {name: item.inputs["metadata"]["labels"] for name, item in namespaces.items()} == {
        "istio-system": {**levels, "topology.istio.io/network": "vpc-shared"},
        "istio-ingress": {
            **levels,
            "istio.io/rev": "1-31-2",
            "elbv2.k8s.aws/pod-readiness-gate-inject": "enabled",
        },
    }


@pytest.mark.parametrize(
    ("issuer", "chain"),
    [
        ("selfSigned", ["ClusterIssuer::mesh-self-signed"]),
        (
            "internalCa",
            [
                "ClusterIssuer::mesh-self-signed",
                "Certificate::cert-manager/mesh-root-ca",
                "ClusterIssuer::mesh-internal-ca",
            ],
        ),
    ],
)
def test_the_certificate_is_issued_once_everything_that_issues_it_is_there(
    make: Make, issuer: Any, chain: list[str]
) -> None:
    def program(nodes: pulumi.Resource, cluster: pulumi.Resource) -> Any:
        certificates = Certificates(
            "certificates",
            CertificatesArgs(
                certificates=settings.Certificates(issuer=issuer),
                images=Images(),
                domain="example.com",
                provided=False,
                ingress_namespace=part("ingress-namespace"),
                after=(nodes,),
                deleted_with=cluster,
            ),
        )
        return {"issuer_name": certificates.issuer_name}

    recording = make(program)
    chart = f"{RELEASE}::cert-manager"
    steps = [chart, *(f"kubernetes:cert-manager.io/v1:{link}" for link in chain)]
    certificate = "kubernetes:cert-manager.io/v1:Certificate::istio-ingress/istio-shared-gateway-tls"
    assert order(recording, "mesh:certificates:Certificates::certificates") == {
        f"{NAMESPACE}::cert-manager": (),
        chart: (f"{NAMESPACE}::cert-manager",),
        **{step: (previous,) for previous, step in pairwise(steps)},
        certificate: (steps[-1], "kubernetes:core/v1:ConfigMap::ingress-namespace"),
    }
    assert recording[certificate].inputs["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Ready"}
    assert recording.returned == {"issuer_name": chain[-1].partition("::")[2]}


def test_a_cert_manager_that_is_there_would_be_installed_a_second_time(make: Make) -> None:
    def program(nodes: pulumi.Resource, cluster: pulumi.Resource) -> Any:
        args = CertificatesArgs(
            certificates=settings.Certificates(),
            images=Images(),
            domain="example.com",
            provided=True,
            ingress_namespace=part("ingress-namespace"),
            after=(nodes,),
            deleted_with=cluster,
        )
        return {"issuer_name": Certificates("certificates", args).issuer_name}

    issuer = "kubernetes:cert-manager.io/v1:ClusterIssuer::mesh-self-signed"
    certificate = "kubernetes:cert-manager.io/v1:Certificate::istio-ingress/istio-shared-gateway-tls"
    assert order(make(program), "mesh:certificates:Certificates::certificates") == {
        issuer: (),
        certificate: (issuer, "kubernetes:core/v1:ConfigMap::ingress-namespace"),
    }


def test_the_gateway_is_a_release_whose_name_is_its_identity(make: Make) -> None:
    def program(nodes: pulumi.Resource, cluster: pulumi.Resource) -> Any:
        args = IngressGatewayArgs(
            mesh=settings.Mesh(),
            gateway=settings.Gateway(),
            namespaces=NAMESPACES,
            after=(nodes,),
            deleted_with=cluster,
        )
        gateway = IngressGateway("gateway", args)
        return {
            "service_name": gateway.service_name,
            "namespace": gateway.namespace,
            "principal": gateway.principal,
            "gateway_ref": gateway.gateway_ref,
        }

    recording = make(program)
    component = "mesh:ingress_gateway:IngressGateway::gateway"
    assert order(recording, component) == {
        f"{RELEASE}::istio-ingressgateway": (),
        "kubernetes:networking.istio.io/v1:Gateway::istio-ingress/istio-shared-gateway": (),
    }
    values = recording[f"{RELEASE}::istio-ingressgateway"].inputs["values"]
    assert values == gateway_values(settings.Mesh(), settings.Gateway())
    assert recording.returned == {
        "service_name": "istio-ingressgateway",
        "namespace": "istio-ingress",
        "principal": "cluster.local/ns/istio-ingress/sa/istio-ingressgateway",
        "gateway_ref": "istio-ingress/istio-shared-gateway",
    }
    assert recording.component_outputs[component] == recording.returned


def test_every_exemption_stands_before_the_rule_it_exempts_from_and_every_allow_before_its_deny(make: Make) -> None:
    def program(nodes: pulumi.Resource, cluster: pulumi.Resource) -> Any:
        args = MeshPoliciesArgs(
            mesh=settings.Mesh(),
            observability=settings.Observability(),
            namespaces=NAMESPACES,
            cluster_name="mesh-dev",
            environment="dev",
            after=(nodes,),
            deleted_with=cluster,
        )
        return {"mode": MeshPolicies("policies", args).mode}

    recording = make(program)
    rule = "kubernetes:networking.istio.io/v1:DestinationRule::istio-system/"
    exemptions = [
        f"{rule}plaintext-{name}" for name in ("kubernetes-api", "kube-system", "otel-collector", "namespace-legacy")
    ]
    allow = "kubernetes:security.istio.io/v1:AuthorizationPolicy::istio-ingress/allow-public-hosts"
    assert order(recording, "mesh:mesh_policies:MeshPolicies::policies") == {
        **dict.fromkeys(exemptions, ()),
        f"{rule}mesh-mutual-tls": tuple(sorted(exemptions)),
        allow: (),
        "kubernetes:security.istio.io/v1:AuthorizationPolicy::istio-system/deny-all": (allow,),
        "kubernetes:security.istio.io/v1:PeerAuthentication::istio-system/default": (f"{rule}mesh-mutual-tls",),
        "kubernetes:networking.istio.io/v1:Sidecar::istio-system/default": (),
        "kubernetes:telemetry.istio.io/v1:Telemetry::istio-system/mesh-default": (),
        **{
            f"kubernetes:networking.istio.io/v1alpha3:EnvoyFilter::istio-system/{name}": ()
            for name in ("headers-nobody-may-send", "gateway-limits", "names-of-blocked-egress")
        },
    }
    documents = mesh_policy_documents(
        mesh=settings.Mesh(),
        observability=settings.Observability(),
        namespaces=NAMESPACES,
        cluster_name="mesh-dev",
        environment="dev",
    )
    assert recording[f"{rule}mesh-mutual-tls"].inputs == documents.mutual_tls
    assert recording.returned == {"mode": "PERMISSIVE"}
