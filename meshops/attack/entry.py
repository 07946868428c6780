"""How the catalogue writes an attempt, and a legitimate request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from meshops.attack.ground import Ground
from meshops.attack.model import FAMILIES, WALLS, Attempt, Judge, Legitimate, Position, Step, Wall
from meshops.checks.model import Severity

Steps = Callable[[Ground], Sequence[Step]]
LEGITIMATE = "Legitimate requests"


def attempt(
    id: str,
    *,
    position: Position,
    name: str,
    tries: str,
    must: str,
    wall: Wall,
    steps: Steps,
    judge: Judge,
    severity: Severity = "high",
    reads_only: bool = True,
    reads_logs: bool = False,
) -> Attempt:
    """The family is its id's first digit."""
    return Attempt(
        id=id,
        section=FAMILIES[int(id[2]) - 1],
        name=name,
        how=tries,
        shows=must,
        severity=severity,
        remedy=f"The wall is {wall}: {WALLS[wall]}. See why it let this through; docs/security.md has the threat "
        f"model.",
        position=position,
        wall=wall,
        steps=steps,
        judge=judge,
        reads_only=reads_only,
        reads_logs=reads_logs,
    )


def legitimate(
    id: str, *, position: Position, name: str, tries: str, steps: Steps, judge: Judge, **more: Any
) -> Legitimate:
    return Legitimate(
        id=id,
        section=LEGITIMATE,
        name=name,
        how=tries,
        shows="It passes: what refuses attacks must not refuse this.",
        severity="critical",
        remedy="Something refuses legitimate traffic: see the audit lines of the proxies on its way.",
        position=position,
        steps=steps,
        judge=judge,
        **more,
    )
