"""The documents of the example tls-passthrough: the program's own where they fit, and what it adds to the gateway."""

from __future__ import annotations

from ipaddress import IPv4Network

from configuration.applications import Application, Caller, Namespace
from configuration.load_balancer import LoadBalancer
from examples.onboarding import onboarded
from manifests.authorization import host_matches
from manifests.document import Document, document
from manifests.gateway import gateway_document
from manifests.ingress import nlb_service
from manifests.names import GATEWAY_PORT, GATEWAY_REF, GATEWAY_SELECTOR, ISTIO_INGRESS, PASSTHROUGH_PORT
from manifests.network_rules import in_namespace, pods, port

NAMESPACE = "tls-passthrough"
OUTSIDE = "tls-passthrough-outside"
NGINX = "https-nginx"
# Whatever the example puts into the gateway's namespace has this name and this label.
OWN = "example-tls-passthrough"
OWN_LABEL = {"example": "tls-passthrough"}
SCRATCH_PORT = 9443
_CLIENTS = (IPv4Network("10.0.0.0/8"),)


def settings_entry(domain: str) -> Namespace:
    """What a stack's settings would say."""
    return Namespace(
        name=NAMESPACE,
        phase="strict",
        # nginx of the public image starts as root.
        pod_security="baseline",
        applications=(
            Application(
                name=NGINX,
                workload="external",
                service_account=NGINX,
                port=443,
                tls="passthrough",
                hosts=(f"passthrough.{domain}",),
                callers=(Caller(application="sleep"),),
            ),
            Application(name="sleep", workload="external", service_account="sleep"),
        ),
    )


def entry_documents(namespace: Namespace, *, revision: str) -> list[Document]:
    """The program's documents; but the passthrough server on a Gateway of the example's own, not the shared one."""
    gateway = gateway_document((namespace,))
    gateway["metadata"] |= {"name": OWN, "labels": OWN_LABEL}
    gateway["spec"]["servers"] = [s for s in gateway["spec"]["servers"] if s["tls"]["mode"] == "PASSTHROUGH"]
    documents = [*onboarded(namespace, revision=revision), gateway]
    for one in documents:
        if one["kind"] == "VirtualService":
            one["spec"]["gateways"] = [
                f"{ISTIO_INGRESS}/{OWN}" if g == GATEWAY_REF else g for g in one["spec"]["gateways"]
            ]
    return documents


def gateway_policy(domain: str) -> Document:
    """The gateway answers for no name that no policy has. TLS that it forwards has a server name and no Host header."""
    hosts = host_matches((f"passthrough.{domain}", f"reencrypted.{domain}"))
    rules = [
        {
            "to": [{"operation": {"ports": [str(PASSTHROUGH_PORT)]}}],
            "when": [{"key": "connection.sni", "values": [f"passthrough.{domain}"]}],
        },
        {"to": [{"operation": {"ports": [str(GATEWAY_PORT)], "hosts": hosts}}]},
        # For the port on which connections without SNI are tried.
        {"to": [{"operation": {"ports": [str(SCRATCH_PORT)]}}]},
    ]
    return document(
        "security.istio.io/v1",
        "AuthorizationPolicy",
        OWN,
        namespace=ISTIO_INGRESS,
        labels=OWN_LABEL,
        spec={"selector": {"matchLabels": dict(GATEWAY_SELECTOR)}, "action": "ALLOW", "rules": rules},
    )


def gateway_network_policy() -> Document:
    """The gateway's NetworkPolicies are of the stack's own applications; this one adds the example's ways."""
    gateway = pods(GATEWAY_SELECTOR)
    clients = [{"ipBlock": {"cidr": str(network)}} for network in _CLIENTS]
    return document(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        OWN,
        namespace=ISTIO_INGRESS,
        labels=OWN_LABEL,
        spec={
            **gateway,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": [*clients, gateway], "ports": [port(PASSTHROUGH_PORT)]},
                {"from": [in_namespace(OUTSIDE)], "ports": [port(SCRATCH_PORT)]},
            ],
            "egress": [
                {"to": [in_namespace(NAMESPACE)], "ports": [port(443)]},
                {"to": [gateway], "ports": [port(PASSTHROUGH_PORT)]},
            ],
        },
    )


def nlb(domain: str) -> Document:
    """The program's Service for an NLB, under a name of the example's own, for clients of private networks."""
    settings = LoadBalancer(domain=domain, allowed_cidrs=_CLIENTS, deletion_protection=False)
    service = nlb_service(settings)
    service["metadata"] |= {"name": OWN, "labels": OWN_LABEL}
    return service
