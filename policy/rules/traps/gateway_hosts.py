"""MR103: Where the gateway ends TLS, it asks for no server name."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule, shown
from policy.stack import Stack


@rule(
    "MR103",
    "The seven traps",
    title="Where the gateway ends TLS, it asks for no server name.",
    why="An ALB sends no SNI: with named hosts Envoy finds no filter chain and closes the connection, a 502 for "
    "everyone.",
    source="docs/traps.md (3), measured there",
    severity="critical",
    remedy='Leave the server\'s hosts at "*"; VirtualServices and AuthorizationPolicies name the hosts.',
    about=("Gateway",),
)
def gateway_hosts(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for position, server in enumerate(resource.at("spec", "servers") or ()):
        mode = (server.get("tls") or {}).get("mode")
        if mode in ("SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL") and "*" not in (server.get("hosts") or ()):
            yield Flaw(field=f"spec.servers[{position}].hosts", value=shown(server.get("hosts")))
