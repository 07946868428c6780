"""What the measurements are made on: one namespace with a caller, a server with a sidecar and one without."""

from __future__ import annotations

from typing import Any

from manifests.document import Document, document
from manifests.mesh_policies import destination_rule
from manifests.names import (
    DNS_HOST,
    GATEWAY_SELECTOR,
    GATEWAY_TLS_SECRET,
    INJECTION_LABEL,
    ISTIO_INGRESS,
    KUBE_SYSTEM,
    service_host,
)
from manifests.network_rules import in_namespace, port

NAMESPACE = "lab-traps"
CALLER, MESHED, BARE = "caller", "meshed", "bare"
PORT = 80
NAMED_PORT, ANY_PORT = 9443, 9444
NAMED_HOST = "trap-3.example.com"
_NGINX = "docker.io/library/nginx:1.28"
_CURL = "docker.io/curlimages/curl:8.16.0"
_EITHER = {"trap-target": "either"}
# Each worker of a proxy keeps connections of its own, and one made before the callee was told is used once more. With
# one worker that can be the first of two calls, never both: two that agree are how calls travel from now on.
_ONE_WORKER = {"proxy.istio.io/config": "concurrency: 1"}


def namespace(revision: str) -> tuple[Document, ...]:
    """The namespace, in which everyone may call: what is measured is TLS and not authorization."""
    labels = {INJECTION_LABEL: revision}
    allow = {"action": "ALLOW", "rules": [{}]}
    # The mesh's own Sidecar lets a pod see nothing that nobody declared for it.
    sees = {"egress": [{"hosts": ["./*", f"{KUBE_SYSTEM}/{DNS_HOST}"]}]}
    return (
        document("v1", "Namespace", NAMESPACE, labels=labels),
        document("security.istio.io/v1", "AuthorizationPolicy", "everyone", namespace=NAMESPACE, spec=allow),
        document("networking.istio.io/v1", "Sidecar", "default", namespace=NAMESPACE, spec=sees),
    )


def workloads() -> tuple[Document, ...]:
    return (
        _pod(CALLER, _CURL, command=["sleep", "infinity"], annotations=_ONE_WORKER),
        _pod(MESHED, _NGINX, labels=_EITHER),
        _pod(BARE, _NGINX, labels={**_EITHER, "sidecar.istio.io/inject": "false"}),
        service("direct", {"app": MESHED}),
    )


def service(name: str, selector: dict[str, str], *, headless: bool = False) -> Document:
    spec: dict[str, Any] = {
        "selector": selector,
        "ports": [{"name": "http", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
    }
    return document(
        "v1", "Service", name, namespace=NAMESPACE, spec={**spec, **({"clusterIP": "None"} if headless else {})}
    )


def either_selector() -> dict[str, str]:
    """Both servers' pods."""
    return dict(_EITHER)


def rule(name: str, policy: dict[str, Any], *, host: str | None = None, **more: Any) -> Document:
    """A DestinationRule with this traffic policy and nothing else; the program's own function always adds `tls`."""
    made = destination_rule(name, host or service_host(name, NAMESPACE), "ISTIO_MUTUAL", namespace=NAMESPACE)
    made["spec"] = {"host": made["spec"]["host"], "trafficPolicy": policy, **more}
    return made


def external(name: str, address: str) -> Document:
    """A ServiceEntry outside the mesh whose endpoint is a pod."""
    return document(
        "networking.istio.io/v1",
        "ServiceEntry",
        name,
        namespace=NAMESPACE,
        spec={
            "hosts": [external_host(name)],
            "ports": [{"number": PORT, "name": "http", "protocol": "HTTP"}],
            "location": "MESH_EXTERNAL",
            "resolution": "STATIC",
            "endpoints": [{"address": address}],
        },
    )


def external_host(name: str) -> str:
    return f"{name}.traps.example"


def to_subset(name: str) -> Document:
    """Everything to subset v1 of a service."""
    host = service_host(name, NAMESPACE)
    route = [{"route": [{"destination": {"host": host, "subset": "v1"}}]}]
    return document(
        "networking.istio.io/v1", "VirtualService", name, namespace=NAMESPACE, spec={"hosts": [host], "http": route}
    )


def peer_authentication(mode: str) -> Document:
    return document(
        "security.istio.io/v1", "PeerAuthentication", "default", namespace=NAMESPACE, spec={"mtls": {"mode": mode}}
    )


def scratch_gateways() -> tuple[Document, ...]:
    """The shared gateway's server twice, on ports of their own: once for a named host, once for any."""
    servers = {"trap-3-named": (NAMED_PORT, NAMED_HOST), "trap-3-any": (ANY_PORT, "*")}
    documents = [_gateway_policy(), _gateway_network_policy()]
    for name, (number, host) in servers.items():
        server = {
            "port": {"number": number, "name": name, "protocol": "HTTPS"},
            "hosts": [host],
            "tls": {"mode": "SIMPLE", "credentialName": GATEWAY_TLS_SECRET, "minProtocolVersion": "TLSV1_3"},
        }
        spec = {"selector": dict(GATEWAY_SELECTOR), "servers": [server]}
        # Beside the gateway's pods, which take the Gateways of their own namespace only.
        documents.append(document("networking.istio.io/v1", "Gateway", name, namespace=ISTIO_INGRESS, spec=spec))
    destination = {"host": service_host("direct", NAMESPACE), "port": {"number": PORT}}
    gateways = [f"{ISTIO_INGRESS}/{name}" for name in servers]
    route = {"hosts": [NAMED_HOST], "gateways": gateways, "http": [{"route": [{"destination": destination}]}]}
    documents.append(document("networking.istio.io/v1", "VirtualService", "trap-3", namespace=NAMESPACE, spec=route))
    return tuple(documents)


def _gateway_policy() -> Document:
    ports = {"operation": {"ports": [str(NAMED_PORT), str(ANY_PORT)]}}
    return document(
        "security.istio.io/v1",
        "AuthorizationPolicy",
        "lab-trap-3",
        namespace=ISTIO_INGRESS,
        spec={
            "selector": {"matchLabels": dict(GATEWAY_SELECTOR)},
            "action": "ALLOW",
            "rules": [{"to": [ports]}],
        },
    )


def _gateway_network_policy() -> Document:
    peers = [in_namespace(NAMESPACE)]
    servers = [port(number) for number in (NAMED_PORT, ANY_PORT)]
    return document(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "lab-trap-3",
        namespace=ISTIO_INGRESS,
        spec={
            "podSelector": {"matchLabels": dict(GATEWAY_SELECTOR)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": peers, "ports": servers}],
            "egress": [{"to": peers, "ports": [port(PORT)]}],
        },
    )


def _pod(
    name: str,
    image: str,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    command: list[str] | None = None,
) -> Document:
    container: dict[str, Any] = {"name": "main", "image": image}
    if command:
        container["command"] = command
    else:
        container["readinessProbe"] = {"tcpSocket": {"port": PORT}, "periodSeconds": 1}
    return document(
        "v1",
        "Pod",
        name,
        namespace=NAMESPACE,
        labels={"app": name, **(labels or {})},
        annotations=annotations,
        spec={"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1, "containers": [container]},
    )
