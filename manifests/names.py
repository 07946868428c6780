"""The names on which several documents must agree: written once, so that they cannot disagree."""

from __future__ import annotations

import re

from configuration.leaving.egress import Egress

ISTIO_SYSTEM = "istio-system"
"""Istio's root namespace: what stands here without a selector holds for the whole mesh."""
ISTIO_INGRESS = "istio-ingress"
CERT_MANAGER = "cert-manager"
OBSERVABILITY = "observability"
KUBE_SYSTEM = "kube-system"

INJECTION_LABEL = "istio.io/rev"

# The gateway chart names its service account after the release and derives the pods' label `istio` from it, less
# the prefix "istio-" (chart gateway, templates/_helpers.tpl).
GATEWAY = "istio-ingressgateway"
GATEWAY_SELECTOR: dict[str, str] = {"istio": "ingressgateway"}
GATEWAY_RESOURCE = "istio-shared-gateway"
GATEWAY_REF = f"{ISTIO_INGRESS}/{GATEWAY_RESOURCE}"
"""How a VirtualService of any namespace names the shared gateway: istiod lets a gateway's pods take a Gateway of their
own namespace only (docs/adr/0013)."""
GATEWAY_TLS_SECRET = "istio-shared-gateway-tls"
"""In the namespace of the gateway's pods: Istio reads credentials from nowhere else."""
GATEWAY_PORT = 443
"""Where the gateway's pods end TLS: for the ALB."""
PASSTHROUGH_PORT = 8443
"""Where they pass it through: for the NLB, which must not reach the hosts behind the ALB's WAF and access log."""
GATEWAY_STATUS_PORT = 15021
PUBLIC_PORT = 443
"""Of every load balancer."""

# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html: on every node, for its own pods.
POD_IDENTITY_AGENT = "169.254.170.23/32"
POD_IDENTITY_PORT = 80
AGENTS_VARIABLE = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
"""What EKS tells each container of a pod whose service account has an identity, and the SDKs of AWS read."""
EXCLUDED_RANGES = "traffic.sidecar.istio.io/excludeOutboundIPRanges"
"""The annotation of a pod whose connections to these addresses its sidecar does not take."""

COLLECTOR = "otel-collector"
OTLP_GRPC_PORT = 4317
OTLP_HTTP_PORT = 4318
TRACING_PROVIDER = "otel"


def service_host(name: str, namespace: str) -> str:
    """The full name of a Service; Istio resolves short ones relative to the rule's own namespace."""
    return f"{name}.{namespace}.svc.cluster.local"


COLLECTOR_HOST = service_host(COLLECTOR, OBSERVABILITY)
DNS_HOST = service_host("kube-dns", KUBE_SYSTEM)
"""The cluster's DNS, by the name that it has on EKS too."""


def registry_host(egress: Egress) -> str:
    """Under which name Istio's registry has it. For a network one that nobody can look up (RFC 2606), since it has none
    of its own: `10.50.0.0/24` -> `10-50-0-0-24.cidr.invalid`."""
    return egress.host or f"{re.sub(r'[./]', '-', str(egress.cidr))}.cidr.invalid"


def principal(trust_domain: str, namespace: str, service_account: str) -> str:
    """An identity as AuthorizationPolicy spells it: the SPIFFE id without its scheme."""
    return f"{trust_domain}/ns/{namespace}/sa/{service_account}"


def gateway_principal(trust_domain: str) -> str:
    return principal(trust_domain, ISTIO_INGRESS, GATEWAY)
