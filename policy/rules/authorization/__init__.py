"""Who may call whom, by name."""

from __future__ import annotations

from policy.rule import Rule
from policy.rules.authorization.admission_in_force import admission_in_force
from policy.rules.authorization.callers_exist import callers_exist
from policy.rules.authorization.deny_all import deny_all
from policy.rules.authorization.known_filters import known_filters
from policy.rules.authorization.kubernetes_rights import kubernetes_rights
from policy.rules.authorization.matches_something import matches_something
from policy.rules.authorization.named_callers import named_callers
from policy.rules.authorization.named_requests import named_requests
from policy.rules.authorization.network_deny import network_deny
from policy.rules.authorization.network_sources import network_sources
from policy.rules.authorization.tokens_demanded import tokens_demanded

RULES: tuple[Rule, ...] = (
    deny_all,
    named_callers,
    named_requests,
    matches_something,
    callers_exist,
    network_deny,
    network_sources,
    tokens_demanded,
    known_filters,
    admission_in_force,
    kubernetes_rights,
)
