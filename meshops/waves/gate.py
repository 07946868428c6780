"""What every gate of a step looks at, and what makes a gate of a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from configuration.applications import Namespace
from meshops.checks.model import Check, Severity, Verdict
from meshops.verify.subject import Subject
from meshops.waves.record import Promotion, Record
from meshops.waves.stages import Standing
from meshops.waves.traffic import Measured, Window


@dataclass(frozen=True, kw_only=True)
class Gate:
    """subject: verify's, for its checks. before: what was measured before the step, None if nobody says.

    promotion: the record of the environment before, as it was found; None where none is asked for.
    """

    subject: Subject
    standings: tuple[Standing, ...]
    window: Window
    now: Mapping[str, Measured]
    before: Record | None
    promotion: Promotion | None

    @property
    def namespaces(self) -> tuple[Namespace, ...]:
        """Those in scope."""
        return self.subject.stack.namespaces


@dataclass(frozen=True, kw_only=True)
class GateCheck(Check):
    """id: `MW` and three digits."""

    judge: Callable[[Gate], Verdict]


def gate(
    id: str, section: str, *, name: str, shows: str, how: str, severity: Severity, remedy: str
) -> Callable[[Callable[[Gate], Verdict]], GateCheck]:
    """Makes a gate of a function that judges the facts."""

    def make(judge: Callable[[Gate], Verdict]) -> GateCheck:
        return GateCheck(
            id=id, section=section, name=name, shows=shows, how=how, severity=severity, remedy=remedy, judge=judge
        )

    return make
