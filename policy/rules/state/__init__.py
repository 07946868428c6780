"""What cannot be had back."""

from __future__ import annotations

from policy.rule import Rule
from policy.rules.state.kept_state import kept_state

RULES: tuple[Rule, ...] = (kept_state,)
