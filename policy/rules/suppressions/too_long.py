"""MR002: A suppression ends within a year."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from policy.resources import Resource
from policy.rule import STACK, Flaw, rule
from policy.stack import Stack

_LONGEST = timedelta(days=366)


@rule(
    "MR002",
    "Suppressions",
    title="A suppression ends within a year.",
    why="A day that nobody lives to see is no expiry.",
    source="docs/adr/0026-policies-over-a-plan.md",
    severity="medium",
    remedy="Choose a day within a year; what is right for longer belongs into the settings.",
    about=(STACK,),
)
def too_long(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for one in stack.settings.policy_suppressions:
        if one.expires - stack.today > _LONGEST:
            subject = f"policySuppressions {one.rule} {one.resource}"
            yield Flaw(subject=subject, field="expires", value=str(one.expires))
