"""The seven traps of docs/traps.md."""

from __future__ import annotations

from policy.rule import Rule
from policy.rules.traps.destination_rule_modes import destination_rule_modes
from policy.rules.traps.distroless import distroless
from policy.rules.traps.gateway_hosts import gateway_hosts
from policy.rules.traps.injection_label import injection_label
from policy.rules.traps.one_registry import one_registry
from policy.rules.traps.one_version import one_version
from policy.rules.traps.subnet_tags import subnet_tags

RULES: tuple[Rule, ...] = (
    injection_label,
    one_version,
    gateway_hosts,
    subnet_tags,
    destination_rule_modes,
    one_registry,
    distroless,
)
