"""A breach of a rule: the problem, and the other settings that it was derived from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from configuration.names import REFUSED_NAME
from configuration.problems import Problem, show


@dataclass(frozen=True, kw_only=True)
class Breach:
    problem: Problem
    related: tuple[str, ...] = ()
    """Paths of the other settings the rule looked at."""

    def depends_on_any(self, refused: Sequence[str]) -> bool:
        """Whether one of the refused settings is, contains, or is part of what this breach rests on."""
        paths = (self.problem.path, *self.related)
        return any(f"[{REFUSED_NAME}]" in path or any(_touch(path, other) for other in refused) for path in paths)


def breach(path: str, value: object, rule: str, remedy: str, *related: str) -> Breach:
    return Breach(problem=Problem(path=path, value=show(value), rule=rule, remedy=remedy), related=related)


def _touch(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return long == short or long.startswith((f"{short}.", f"{short}["))
