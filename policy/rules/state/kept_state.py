"""MR901: What holds state is neither deleted nor made anew."""

from __future__ import annotations

from collections.abc import Iterator

from changes.comparison import field_changes, relative, type_of
from changes.replacements import STATEFUL, verdict
from policy.resources import Resource
from policy.rule import STACK, Flaw, rule
from policy.stack import Stack


@rule(
    "MR901",
    "State",
    title="What holds state is neither deleted nor made anew.",
    why="The provider deletes it with all that is in it: a cluster, its key, its logs. A preview shows it as one line "
    "among hundreds.",
    source="changes/replacements.py, from the providers' sources",
    severity="critical",
    remedy="Take the change back; where it is meant, a suppression with its reason is the second pair of eyes.",
    about=(STACK,),
)
def kept_state(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    """Between the plan of what stands and this one, both offline: ids that AWS gave differ from those made up."""
    if stack.previous is None or stack.planned is None:
        return
    for key, old in stack.previous.items():
        kind = type_of(key)
        if kind not in STATEFUL:
            continue
        subject = f"{kind.rpartition(':')[2]} {key.rpartition('::')[2]}"
        new = stack.planned.get(key)
        if new is None:
            yield Flaw(subject=subject, field="(resource)", value="(removed)", says=STATEFUL[kind])
            continue
        changed = [
            (change.path, change.new is None) for change in field_changes(relative(old), relative(new), "inputs")
        ]
        because = verdict(kind, changed).because
        if because:
            value = f"made anew for {', '.join(because)}"
            yield Flaw(subject=subject, field=f"inputs.{because[0]}", value=value, says=STATEFUL[kind])
