"""Every rule, each once, by family. `tests/unit/policy` holds that no file of a rule is missing here."""

from __future__ import annotations

from policy.rule import Rule
from policy.rules import (
    authorization,
    aws,
    egress,
    encryption,
    order,
    state,
    suppressions,
    traps,
    weakenings,
    workloads,
)
from policy.rules.suppressions.idle import idle

RULES: tuple[Rule, ...] = (
    *suppressions.RULES,
    *traps.RULES,
    *weakenings.RULES,
    *encryption.RULES,
    *authorization.RULES,
    *egress.RULES,
    *workloads.RULES,
    *aws.RULES,
    *order.RULES,
    *state.RULES,
)
AFTER_ALL_ELSE = idle
"""It is asked last: what suppresses nothing is known once all others have been."""
