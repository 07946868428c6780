"""cert-manager: its chart's values, the issuer, and the certificate that the gateway serves to the ALB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from configuration.mesh import Certificates
from manifests.document import Document, document
from manifests.images import Images
from manifests.names import CERT_MANAGER, GATEWAY, GATEWAY_TLS_SECRET, ISTIO_INGRESS, service_host

SELF_SIGNED = "mesh-self-signed"
INTERNAL_CA = "mesh-internal-ca"
IMAGES = "quay.io/jetstack"
"""Where the chart's images are."""
_ROOT = "mesh-root-ca"

# Pulumi takes a custom resource for ready as soon as it exists, unless it is told what to wait for. A Gateway
# whose secret is not there yet keeps a starting proxy from becoming ready.
_AWAITED = {"pulumi.com/waitFor": "condition=Ready"}

_ROOT_DURATION = "87600h"
_ROOT_RENEW_BEFORE = "8760h"

# P-256: what the ALB and every client can verify fastest; its signatures are a tenth of RSA's in size.
_ECDSA_P256 = {"algorithm": "ECDSA", "size": 256}


@dataclass(frozen=True, kw_only=True)
class CertificateDocuments:
    """In the order of submission: each needs the ones before it."""

    issuers: tuple[Document, ...]
    """The self-signed ClusterIssuer; with an internal CA also its root Certificate and the ClusterIssuer of that."""
    certificate: Document
    """The gateway's own, in the namespace of its pods, where Istio looks for its secret."""
    issuer_name: str
    """The ClusterIssuer that signs it."""


def cert_manager_values(images: Images) -> dict[str, Any]:
    """The values of chart cert-manager. Its security contexts already fit the restricted Pod Security level."""
    registry, _, namespace = images.hub(IMAGES).rpartition("/")
    return {
        # Kept on uninstall: with the CRDs every Certificate of the cluster would go.
        "crds": {"enabled": True, "keep": True},
        "imageRegistry": registry,
        "imageNamespace": namespace,
        # The default is kube-system, into which a chart of ours has no business to write.
        "global": {
            "leaderElection": {"namespace": CERT_MANAGER},
            # Or Kubernetes' `edit` could ask the platform's own issuers for certificates.
            "rbac": {"aggregateClusterRoles": False},
        },
    }


def certificate_documents(certificates: Certificates, *, domain: str) -> CertificateDocuments:
    """The issuer that the settings choose, and the gateway's certificate from it.

    domain: the load balancer's; the certificate covers it and `*.<domain>`, as the ALB's own does.
    """
    issuers: tuple[Document, ...] = (
        document("cert-manager.io/v1", "ClusterIssuer", SELF_SIGNED, spec={"selfSigned": {}}),
    )
    issuer_name = SELF_SIGNED
    if certificates.issuer == "internalCa":
        issuers += (
            _root_certificate(),
            document("cert-manager.io/v1", "ClusterIssuer", INTERNAL_CA, spec={"ca": {"secretName": _ROOT}}),
        )
        issuer_name = INTERNAL_CA
    return CertificateDocuments(
        issuers=issuers,
        certificate=_gateway_certificate(certificates, issuer_name, domain),
        issuer_name=issuer_name,
    )


def _root_certificate() -> Document:
    return document(
        "cert-manager.io/v1",
        "Certificate",
        _ROOT,
        namespace=CERT_MANAGER,  # where a ClusterIssuer looks for its secret
        annotations=_AWAITED,
        spec={
            "isCA": True,
            "commonName": _ROOT,
            "secretName": _ROOT,
            "duration": _ROOT_DURATION,
            "renewBefore": _ROOT_RENEW_BEFORE,
            # Renewed under the same key: clients pin this root.
            "privateKey": {**_ECDSA_P256, "rotationPolicy": "Never"},
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": SELF_SIGNED},
        },
    )


def _gateway_certificate(certificates: Certificates, issuer_name: str, domain: str) -> Document:
    host = service_host(GATEWAY, ISTIO_INGRESS)
    return document(
        "cert-manager.io/v1",
        "Certificate",
        GATEWAY_TLS_SECRET,
        namespace=ISTIO_INGRESS,
        annotations=_AWAITED,
        spec={
            "secretName": GATEWAY_TLS_SECRET,
            # A certificate without a subject is refused by some clients.
            "commonName": host,
            "dnsNames": [host, domain, f"*.{domain}"],
            "duration": f"{certificates.duration_hours}h",
            "renewBefore": f"{certificates.renew_before_hours}h",
            "privateKey": {**_ECDSA_P256, "rotationPolicy": "Always"},
            # ECDSA signs only: no key encipherment.
            "usages": ["digital signature", "server auth"],
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": issuer_name},
        },
    )
