"""MR309: Sidecars speak mutual TLS 1.3 to each other without being asked."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import RELEASE
from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack, chart_of


@rule(
    "MR309",
    "Encryption",
    title="Sidecars speak mutual TLS 1.3 to each other without being asked.",
    why="With auto-mTLS off a call without a rule of its own leaves in plaintext; below 1.3 a recorded handshake "
    "shows who calls whom.",
    source="docs/traps.md (5); https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/",
    severity="high",
    remedy="meshConfig.meshMTLS.minProtocolVersion TLSV1_3, and enableAutoMtls left alone.",
    about=(RELEASE,),
)
def mesh_tls_version(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    if chart_of(resource) != "istiod":
        return
    config = resource.at("values", "meshConfig") or {}
    if config.get("enableAutoMtls") is False:
        yield Flaw(field="values.meshConfig.enableAutoMtls", value="false")
    version = (config.get("meshMTLS") or {}).get("minProtocolVersion")
    if version != "TLSV1_3":
        yield Flaw(field="values.meshConfig.meshMTLS.minProtocolVersion", value=shown(version))
