"""MR304: The gateway speaks TLS 1.3 and nothing in plaintext."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack

_MODES = ("SIMPLE", "MUTUAL", "PASSTHROUGH")


@rule(
    "MR304",
    "Encryption",
    title="The gateway speaks TLS 1.3 and nothing in plaintext.",
    why="The second of the three layers would end before the gateway: who listens in the VPC reads every request.",
    source="https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings",
    severity="critical",
    remedy="protocol HTTPS with mode SIMPLE, minProtocolVersion TLSV1_3 and a credentialName, or TLS with PASSTHROUGH.",
    about=("Gateway",),
)
def gateway_tls(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for position, server in enumerate(resource.at("spec", "servers") or ()):
        path, tls = f"spec.servers[{position}]", server.get("tls") or {}
        protocol = (server.get("port") or {}).get("protocol")
        if protocol not in ("HTTPS", "TLS"):
            yield Flaw(field=f"{path}.port.protocol", value=shown(protocol))
        elif tls.get("mode") not in _MODES:
            yield Flaw(field=f"{path}.tls.mode", value=shown(tls.get("mode")))
        elif tls["mode"] != "PASSTHROUGH":
            if tls.get("minProtocolVersion") != "TLSV1_3":
                yield Flaw(field=f"{path}.tls.minProtocolVersion", value=shown(tls.get("minProtocolVersion")))
            if not tls.get("credentialName"):
                yield Flaw(field=f"{path}.tls.credentialName")
