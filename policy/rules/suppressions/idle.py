"""MR003: A suppression suppresses something."""

from __future__ import annotations

from collections.abc import Iterator

from policy.resources import Resource
from policy.rule import STACK, Flaw, rule
from policy.stack import Stack


@rule(
    "MR003",
    "Suppressions",
    title="A suppression suppresses something.",
    why="One that is left over, or misspelt, would silently hide the next finding of its name.",
    source="docs/adr/0026-policies-over-a-plan.md",
    severity="medium",
    remedy="Remove it, or write rule and resource as the report of `make policy` does.",
    about=(STACK,),
)
def idle(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for one in stack.idle:
        yield Flaw(subject=f"policySuppressions {one.rule} {one.resource}", field="resource", value=one.resource)
