"""What comes before what, and what is left behind."""

from __future__ import annotations

from policy.rule import Rule
from policy.rules.order.after_controller import after_controller
from policy.rules.order.after_definitions import after_definitions
from policy.rules.order.after_policies import after_policies
from policy.rules.order.nothing_orphaned import nothing_orphaned
from policy.rules.order.time_to_go import time_to_go

RULES: tuple[Rule, ...] = (
    after_definitions,
    after_controller,
    nothing_orphaned,
    time_to_go,
    after_policies,
)
