"""What a preflight check is and what it answers. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["pass", "fail", "unknown"]
Severity = Literal["critical", "high", "medium"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that is looked at before it can break a deployment.

    id: stable, never reused; scripts and runbooks refer to it.
    name: a few words for a person.
    shows: what a pass means, in a sentence.
    severity: how bad a fail is: `critical` stops all traffic, `high` some of it or soon, `medium` neither.
    remedy: what to do about a fail when the verdict itself knows nothing better.
    """

    id: str
    name: str
    shows: str
    severity: Severity
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """The evidence of a verdict. Every row has as many cells as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a check found.

    summary: the finding in one line.
    details: further lines, each one sentence.
    remedy: what to do about this very finding; the check's own if empty. A pass has none.
    """

    status: Status
    summary: str
    details: tuple[str, ...] = ()
    remedy: str = ""
    evidence: Table | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """A check and its verdict, as reported."""

    check: Check
    verdict: Verdict

    @property
    def remedy(self) -> str:
        """What to do now; empty after a pass."""
        return "" if self.verdict.status == "pass" else self.verdict.remedy or self.check.remedy


@dataclass(frozen=True, kw_only=True)
class Unavailable:
    """A fact that could not be learnt. It makes every check that needs it `unknown`, never a pass."""

    reason: str
    remedy: str

    def verdict(self) -> Verdict:
        """The verdict of a check that needed this fact."""
        return Verdict(status="unknown", summary=self.reason, remedy=self.remedy)


def exit_code(results: tuple[Result, ...]) -> int:
    """0 if everything passed, 1 if anything failed, 2 if anything (or everything) is unknown."""
    statuses = {result.verdict.status for result in results}
    if "fail" in statuses:
        return 1
    return 0 if statuses == {"pass"} else 2
