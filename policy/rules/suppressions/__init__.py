"""What holds for the suppressions themselves."""

from __future__ import annotations

from policy.rule import Rule
from policy.rules.suppressions.expired import expired
from policy.rules.suppressions.idle import idle
from policy.rules.suppressions.too_long import too_long

RULES: tuple[Rule, ...] = (
    expired,
    too_long,
    idle,
)
