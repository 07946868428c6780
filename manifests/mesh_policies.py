"""What holds for the whole mesh: mutual TLS and its exemptions, deny-all, the narrow default Sidecar, telemetry.

All in Istio's root namespace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from configuration.applications import Namespace
from configuration.mesh import Mesh, Observability
from manifests.authorization import PUBLIC_METHODS, host_matches
from manifests.document import Document, document
from manifests.envoy_filters import envoy_filters
from manifests.gateway import passthrough_hosts, terminated_hosts
from manifests.names import (
    COLLECTOR_HOST,
    DNS_HOST,
    GATEWAY_PORT,
    GATEWAY_SELECTOR,
    ISTIO_INGRESS,
    ISTIO_SYSTEM,
    KUBE_SYSTEM,
    OBSERVABILITY,
    PASSTHROUGH_PORT,
    TRACING_PROVIDER,
    service_host,
)

MeshMode = Literal["PERMISSIVE", "STRICT"]


@dataclass(frozen=True, kw_only=True)
class MeshPolicyDocuments:
    """In the order of submission. An exemption must stand before the rule it exempts from, an ALLOW before its deny."""

    exemptions: tuple[Document, ...]
    """One DestinationRule per service or namespace that is called in plaintext."""
    mutual_tls: Document
    """`*.local` ISTIO_MUTUAL."""
    gateway_allow: Document | None
    """None where no application has a public host: the gateway then answers nobody."""
    deny_all: Document
    peer_authentication: Document
    sidecar: Document
    telemetry: Document
    envoy_filters: tuple[Document, ...]


def mesh_mode(mesh: Mesh, namespaces: tuple[Namespace, ...]) -> MeshMode:
    """The mesh-wide mode: STRICT as soon as every namespace is strict, unless the settings hold it.

    Until then PERMISSIVE, or the plaintext of the namespaces that are still on their way would be refused.
    """
    if mesh.peer_authentication != "derived":
        return mesh.peer_authentication
    return "STRICT" if all(namespace_mode(namespace) == "STRICT" for namespace in namespaces) else "PERMISSIVE"


def namespace_mode(namespace: Namespace) -> MeshMode:
    """What the pods of a namespace ask for, whatever the mesh-wide mode is."""
    return "STRICT" if namespace.phase == "strict" else "PERMISSIVE"


def mesh_policy_documents(
    *,
    mesh: Mesh,
    observability: Observability,
    namespaces: tuple[Namespace, ...],
    cluster_name: str,
    environment: str,
) -> MeshPolicyDocuments:
    return MeshPolicyDocuments(
        exemptions=_exemptions(mesh, namespaces, tracing=observability.tracing),
        mutual_tls=destination_rule("mesh-mutual-tls", "*.local", "ISTIO_MUTUAL"),
        gateway_allow=_gateway_allow(namespaces),
        # Nothing is allowed anywhere in the mesh, the gateway included, unless a policy says so.
        deny_all=document("security.istio.io/v1", "AuthorizationPolicy", "deny-all", namespace=ISTIO_SYSTEM, spec={}),
        peer_authentication=document(
            "security.istio.io/v1",
            "PeerAuthentication",
            "default",
            namespace=ISTIO_SYSTEM,
            spec={"mtls": {"mode": mesh_mode(mesh, namespaces)}},
        ),
        sidecar=_sidecar(tracing=observability.tracing),
        telemetry=_telemetry(observability, cluster_name, environment),
        envoy_filters=envoy_filters(),
    )


def destination_rule(
    name: str,
    host: str,
    mode: Literal["ISTIO_MUTUAL", "DISABLE"],
    *,
    namespace: str = ISTIO_SYSTEM,
    identities: tuple[str, ...] = (),
    **policy: Any,
) -> Document:
    """A DestinationRule. It always says its TLS mode: the most specific rule wins whole and inherits nothing, so
    one without a mode turns forced mutual TLS into best effort (trap 5).

    identities: the principals that may answer, for ISTIO_MUTUAL; empty for whichever the pods behind the host have.
    """
    tls: dict[str, Any] = {"mode": mode}
    if identities and mode == "ISTIO_MUTUAL":
        tls["subjectAltNames"] = [f"spiffe://{identity}" for identity in identities]
    return document(
        "networking.istio.io/v1",
        "DestinationRule",
        name,
        namespace=namespace,
        spec={"host": host, "trafficPolicy": {**policy, "tls": tls}},
    )


def _exemptions(mesh: Mesh, namespaces: tuple[Namespace, ...], *, tracing: bool) -> tuple[Document, ...]:
    """What `*.local` would break: services without a sidecar that meshed pods and the gateway call.

    The engine creates these before it touches a namespace or a workload, and deletes what is no longer wanted at the
    very end of an update. That order is what keeps a namespace reachable on its way into the mesh and out of it:
    its `*.<namespace>` exemption stands for as long as any of its pods may lack a sidecar.
    """
    hosts: dict[str, str] = {
        "plaintext-kubernetes-api": service_host("kubernetes", "default"),
        # CoreDNS above all, when it is asked over TCP.
        "plaintext-kube-system": f"*.{KUBE_SYSTEM}.svc.cluster.local",
    }
    if tracing:
        hosts["plaintext-otel-collector"] = COLLECTOR_HOST
    for namespace in namespaces:
        if not namespace.in_mesh:
            hosts[f"plaintext-namespace-{namespace.name}"] = f"*.{namespace.name}.svc.cluster.local"
    # Of these, the applications of the stack carry their exemption in their own rule, which would win over this one.
    own = {
        service_host(application.service_name, namespace.name)
        for namespace in namespaces
        for application in namespace.applications
    }
    rules = [destination_rule(name, host, "DISABLE") for name, host in hosts.items()]
    for service in mesh.plaintext_services:
        if service.host not in own:
            rule = destination_rule(_plaintext_name(service.host), service.host, "DISABLE")
            rule["metadata"]["annotations"] = {"reason": service.reason}
            rules.append(rule)
    return tuple(rules)


def _plaintext_name(host: str) -> str:
    """`prometheus.monitoring.svc.cluster.local` -> `plaintext-service-prometheus.monitoring`."""
    return f"plaintext-service-{host.removesuffix('.svc.cluster.local')}"


def _gateway_allow(namespaces: tuple[Namespace, ...]) -> Document | None:
    """Whom the gateway answers: anyone, since an ALB has no identity, but for the declared hosts only.

    Each rule holds on the port of its own load balancer: what is behind the ALB's WAF is not to be had at the NLB's.
    """
    rules: list[dict[str, Any]] = []
    terminated = terminated_hosts(namespaces)
    if terminated:
        operation = {
            "ports": [str(GATEWAY_PORT)],
            "hosts": host_matches(terminated),
            "methods": list(PUBLIC_METHODS),
        }
        rules.append({"to": [{"operation": operation}]})
    passthrough = passthrough_hosts(namespaces)
    if passthrough:
        # An opaque connection has no Host header; a rule with `hosts` never matches there.
        rules.append(
            {
                "to": [{"operation": {"ports": [str(PASSTHROUGH_PORT)]}}],
                "when": [{"key": "connection.sni", "values": list(passthrough)}],
            }
        )
    if not rules:
        return None
    return document(
        "security.istio.io/v1",
        "AuthorizationPolicy",
        "allow-public-hosts",
        namespace=ISTIO_INGRESS,
        spec={"selector": {"matchLabels": dict(GATEWAY_SELECTOR)}, "action": "ALLOW", "rules": rules},
    )


def _sidecar(*, tracing: bool) -> Document:
    """For injected pods of namespaces that have no Sidecar: the DNS, and what is traced to."""
    hosts = [f"{KUBE_SYSTEM}/{DNS_HOST}", *([f"{OBSERVABILITY}/{COLLECTOR_HOST}"] if tracing else [])]
    return document(
        "networking.istio.io/v1",
        "Sidecar",
        "default",
        namespace=ISTIO_SYSTEM,
        spec={"egress": [{"hosts": hosts}], "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}},
    )


def _telemetry(observability: Observability, cluster_name: str, environment: str) -> Document:
    spec: dict[str, Any] = {
        # Both sides write: the server's line proves who was let in, the client's what it tried.
        "accessLogging": [{"providers": [{"name": "envoy"}], "match": {"mode": "CLIENT_AND_SERVER"}}],
    }
    if observability.tracing:
        spec["tracing"] = [
            {
                "providers": [{"name": TRACING_PROVIDER}],
                "randomSamplingPercentage": observability.sampling_percent,
                "customTags": {
                    # In the place of Envoy's own, which holds the query: tokens and personal data travel in it.
                    "http.url": {"formatter": {"value": "%REQ(:SCHEME)%://%REQ(:AUTHORITY):261%%PATH(NQ:PATH):1024%"}},
                    # Variables of the proxy's own container, which injection sets in sidecars and gateways alike.
                    "namespace": {"environment": {"name": "POD_NAMESPACE", "defaultValue": "unknown"}},
                    "service": {"environment": {"name": "ISTIO_META_WORKLOAD_NAME", "defaultValue": "unknown"}},
                    "cluster": {"literal": {"value": cluster_name}},
                    "environment": {"literal": {"value": environment}},
                },
            }
        ]
    return document("telemetry.istio.io/v1", "Telemetry", "mesh-default", namespace=ISTIO_SYSTEM, spec=spec)
