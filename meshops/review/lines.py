"""What the parts of a review are made of: sentences, each with its stack and with whether it opens something."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Line:
    """One statement in Markdown, with everything that a plan says in it escaped.

    opens: it gives somebody something that nobody had; else it only takes something away.
    count: of how many things it is the statement.
    """

    text: str
    opens: bool = True
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Merged:
    """A statement that holds for several stacks."""

    line: Line
    stacks: tuple[str, ...]


def opened(lines: Iterable[Line]) -> int:
    """How many things are opened."""
    return sum(line.count for line in lines if line.opens)


def merged(found: Iterable[tuple[str, Line]]) -> tuple[Merged, ...]:
    """Statements of stacks, the same ones together, in the order of their first appearance; what opens comes first."""
    stacks: dict[Line, list[str]] = {}
    for stack, line in found:
        names = stacks.setdefault(line, [])
        if stack not in names:
            names.append(stack)
    together = [Merged(line=line, stacks=tuple(names)) for line, names in stacks.items()]
    return tuple(sorted(together, key=lambda one: not one.line.opens))
