"""MR105: Every DestinationRule says its TLS mode, and each of its ports does."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack
from validation.tls_modes import without_mode


@rule(
    "MR105",
    "The seven traps",
    title="Every DestinationRule says its TLS mode, and each of its ports does.",
    why="The most specific rule for a host wins whole and inherits nothing: without a mode mutual TLS is attempted "
    "where possible, and plaintext sent where not.",
    source="docs/traps.md (5), measured there; "
    "https://istio.io/latest/docs/reference/config/networking/destination-rule/",
    severity="critical",
    remedy="Set trafficPolicy.tls.mode: ISTIO_MUTUAL, also in each portLevelSettings.",
    about=("DestinationRule",),
)
def destination_rule_modes(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for path in without_mode(resource.at("spec") or {}):
        yield Flaw(field=path)
