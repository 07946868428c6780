"""MR001: A suppression ends on its day."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import STACK, Flaw, rule
from policy.stack import Stack


@rule(
    "MR001",
    "Suppressions",
    title="A suppression ends on its day.",
    why="What was let stand for a while would stand for ever, and nobody would look at its reason again.",
    source="docs/adr/0026-policies-over-a-plan.md",
    severity="high",
    remedy="Correct what it suppressed, or give a new day and say in the pull request why it still stands.",
    about=(STACK,),
)
def expired(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for one in stack.settings.policy_suppressions:
        if one.expires < stack.today:
            yield Flaw(
                subject=f"policySuppressions {one.rule} {one.resource}",
                field="expires",
                value=str(one.expires),
                says=f"it was let stand because: {one.reason}",
            )
