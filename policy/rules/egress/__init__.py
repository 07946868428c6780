"""What may leave the mesh."""

from __future__ import annotations

from policy.rule import Rule
from policy.rules.egress.declared_hosts import declared_hosts
from policy.rules.egress.dns_fails_closed import dns_fails_closed
from policy.rules.egress.every_namespace_a_sidecar import every_namespace_a_sidecar
from policy.rules.egress.narrow_sidecars import narrow_sidecars
from policy.rules.egress.network_destinations import network_destinations
from policy.rules.egress.plaintext_egress import plaintext_egress
from policy.rules.egress.registry_only import registry_only

RULES: tuple[Rule, ...] = (
    registry_only,
    declared_hosts,
    plaintext_egress,
    narrow_sidecars,
    every_namespace_a_sidecar,
    network_destinations,
    dns_fails_closed,
)
