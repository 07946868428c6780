"""What a check of `meshops verify` is and what it answers. Data only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from meshops.checks.result import Severity, Status
from meshops.verify.calls import Purpose

if TYPE_CHECKING:
    from meshops.verify.subject import Subject

Layer = Literal[
    "Client to load balancer",
    "Load balancer to gateway",
    "Pod to pod",
    "Authorization",
    "Egress",
    "Configuration",
]
LAYERS: tuple[Layer, ...] = (
    "Client to load balancer",
    "Load balancer to gateway",
    "Pod to pod",
    "Authorization",
    "Egress",
    "Configuration",
)

Fact = Literal["objects", "secret", "acm", "edge", "passthrough", "proxies", "workloads", "traffic"]
"""What a check looks at, and so what a run has to gather for it. `objects` comes with each of the others."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a check found.

    finding: one line.
    evidence: further lines: what was looked at, and what it said.
    remedy: what to do about this very finding; the check's own if empty.
    """

    status: Status
    finding: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that is proven.

    id: `MV` and three digits, the first being the layer's; stable and never reused.
    name: a few words for a person.
    shows: what a pass means, in a sentence.
    how: what is done to find out, in a sentence.
    severity: of a fail. critical: traffic or data is open; high: a wall is missing or soon will be; medium: drift.
    remedy: what to do about a fail when the verdict itself knows nothing better.
    needs: the facts it looks at.
    calls: the probe pods' calls it looks at, if it needs traffic: a run makes those of its checks and no other.
    """

    id: str
    layer: Layer
    name: str
    shows: str
    how: str
    severity: Severity
    remedy: str
    needs: tuple[Fact, ...]
    calls: tuple[Purpose, ...]
    judge: Callable[[Subject], Verdict]


def check(
    id: str,
    layer: Layer,
    *,
    name: str,
    shows: str,
    how: str,
    severity: Severity,
    remedy: str,
    needs: tuple[Fact, ...] = ("objects",),
    calls: tuple[Purpose, ...] = (),
) -> Callable[[Callable[[Subject], Verdict]], Check]:
    """Makes a check of a function that judges the facts."""

    def make(judge: Callable[[Subject], Verdict]) -> Check:
        return Check(
            id=id,
            layer=layer,
            name=name,
            shows=shows,
            how=how,
            severity=severity,
            remedy=remedy,
            needs=needs,
            calls=calls,
            judge=judge,
        )

    return make


@dataclass(frozen=True, kw_only=True)
class Result:
    """A check and its verdict, as reported."""

    check: Check
    verdict: Verdict

    @property
    def status(self) -> Status:
        return self.verdict.status

    @property
    def remedy(self) -> str:
        """What to do now; empty after a pass."""
        return "" if self.status == "pass" else self.verdict.remedy or self.check.remedy


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run. seconds: of all of it; timings: name and seconds of its parts, which overlap."""

    stack: str
    cluster: str
    run: str
    started: datetime
    seconds: float
    results: tuple[Result, ...]
    timings: tuple[tuple[str, float], ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every check passed, and there was one."""
        return bool(self.results) and all(result.status == "pass" for result in self.results)

    @property
    def exit_code(self) -> int:
        """0 only when everything passed."""
        return 0 if self.passed else 1

    def count(self, status: Status) -> int:
        return sum(result.status == status for result in self.results)

    def result(self, id: str) -> Result:
        """Raises KeyError if the run did not include this check."""
        for result in self.results:
            if result.check.id == id:
                return result
        raise KeyError(id)
