"""The one shared Gateway: what it listens for on the gateway's pods."""

from __future__ import annotations

from collections.abc import Sequence

from configuration.applications import Namespace
from manifests.document import Document, document
from manifests.names import (
    GATEWAY_PORT,
    GATEWAY_RESOURCE,
    GATEWAY_SELECTOR,
    GATEWAY_TLS_SECRET,
    ISTIO_INGRESS,
    PASSTHROUGH_PORT,
)


def terminated_hosts(namespaces: tuple[Namespace, ...]) -> tuple[str, ...]:
    """The public hosts whose TLS the gateway ends, in the order of the settings."""
    return _hosts(namespaces, "terminate")


def held_by(domain: str, hosts: Sequence[str]) -> tuple[str, ...]:
    """Those that the zone of a domain can hold; the rest is somebody else's DNS."""
    return tuple(host for host in hosts if host == domain or host.endswith(f".{domain}"))


def passthrough_hosts(namespaces: tuple[Namespace, ...]) -> tuple[str, ...]:
    """The public hosts whose applications serve their own certificate."""
    return _hosts(namespaces, "passthrough")


def _hosts(namespaces: tuple[Namespace, ...], tls: str) -> tuple[str, ...]:
    return tuple(
        host
        for namespace in namespaces
        for application in namespace.applications
        if application.tls == tls
        for host in application.hosts
    )


def gateway_document(namespaces: tuple[Namespace, ...]) -> Document:
    """`istio-ingress/istio-shared-gateway`, where its pods are."""
    servers = [
        {
            "port": {"number": GATEWAY_PORT, "name": "https", "protocol": "HTTPS"},
            # Any other value makes Envoy match on the SNI, which an ALB does not send: 502 for everyone (trap 3).
            # The VirtualServices route by the Host header.
            "hosts": ["*"],
            "tls": {
                "mode": "SIMPLE",
                "credentialName": GATEWAY_TLS_SECRET,
                # Only the ALB connects here, and with any of the listener policies that the settings admit it
                # speaks TLS 1.3 to its targets.
                "minProtocolVersion": "TLSV1_3",
            },
        }
    ]
    passthrough = passthrough_hosts(namespaces)
    if passthrough:
        # Behind the NLB, which passes the client's SNI on. A port of its own, on which nothing ends TLS: on the same
        # port, whatever matched none of these hosts would fall to the server above, past the ALB's WAF and log.
        servers.append(
            {
                "port": {"number": PASSTHROUGH_PORT, "name": "tls-passthrough", "protocol": "TLS"},
                "hosts": list(passthrough),
                "tls": {"mode": "PASSTHROUGH"},
            }
        )
    return document(
        "networking.istio.io/v1",
        "Gateway",
        GATEWAY_RESOURCE,
        namespace=ISTIO_INGRESS,
        spec={"selector": dict(GATEWAY_SELECTOR), "servers": servers},
    )
