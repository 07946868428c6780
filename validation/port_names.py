"""The names of ports from which Istio takes their protocol.

https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
"""

from __future__ import annotations

_PROTOCOLS = ("http", "http2", "https", "grpc", "grpc-web", "tls", "tcp", "udp", "mongo", "mysql", "redis")


def names_protocol(port: str) -> bool:
    """Whether a port's name is a protocol, or begins with one and a hyphen."""
    return any(port == known or port.startswith(f"{known}-") for known in _PROTOCOLS)
