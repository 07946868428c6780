"""MR201: What the settings give up is said."""

from __future__ import annotations

from collections.abc import Iterator

from configuration.weakenings import weakenings
from policy.resources import Resource
from policy.rule import STACK, Flaw, rule
from policy.stack import Stack


@rule(
    "MR201",
    "Weakenings",
    title="What the settings give up is said.",
    why="A weakening is somebody's decision, taken by name in the stack's file; whoever reviews or audits must see "
    "all of them. The list is the one in the plan's summary.",
    source="configuration/weakenings.py",
    severity="low",
    remedy="Take it back where it is no longer needed. It stops nothing: the setting is the decision.",
    about=(STACK,),
)
def settings(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    for one in weakenings(stack.settings):
        yield Flaw(subject=f"setting {one.path}", field=one.path, value=one.value, says=one.effect)
