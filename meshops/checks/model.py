"""What a check is, what it answers, and the report of one run. Data only; shared by every command that judges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Status = Literal["pass", "fail", "unknown", "listed"]
"""listed: it did not hold, and stands with its reason on a list of what is known not to; no pass, and no failure."""
Severity = Literal["critical", "high", "medium"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that is looked at.

    id: two letters of its command and three digits, the first being the section's; stable and never reused.
    section: the heading below which it is shown.
    name: a few words for a person.
    shows: what a pass means, in a sentence.
    how: what is done to find out, in a sentence.
    severity: of a fail. critical: traffic stops, or is open; high: some of it, or all of it soon; medium: neither.
    remedy: what to do about a fail when the verdict itself knows nothing better.
    """

    id: str
    section: str
    name: str
    shows: str
    how: str
    severity: Severity
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """Evidence in columns. Every row has as many cells as the header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a check found.

    finding: one line.
    evidence: further lines: what was looked at, and what it said; table: the same in columns.
    remedy: what to do about this very finding; the check's own if empty.
    """

    status: Status
    finding: str
    evidence: tuple[str, ...] = ()
    table: Table | None = None
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Unavailable:
    """A fact that could not be had. It makes every check that needs it `unknown`, never a pass."""

    reason: str
    remedy: str

    def verdict(self) -> Verdict:
        """The verdict of a check that needed this fact."""
        return Verdict(status="unknown", finding=self.reason, remedy=self.remedy)


NOT_ASKED = Unavailable(reason="No chosen check asked for it.", remedy="Run without --only.")


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
    """One run of a command's checks.

    command: e.g. `verify`. place: what else a person must know of where it looked, beyond stack and cluster.
    run: by which objects that it made in the cluster are labelled; empty if it makes none.
    seconds: of all of it; timings: name and seconds of its parts, which overlap.
    """

    command: str
    stack: str
    cluster: str
    region: str
    started: datetime
    seconds: float
    results: tuple[Result, ...]
    place: str = ""
    run: str = ""
    timings: tuple[tuple[str, float], ...] = ()
    notes: tuple[str, ...] = ()
    """What else a reader must know: what was left out, and why."""

    @property
    def passed(self) -> bool:
        """Whether every check passed, and there was one."""
        return bool(self.results) and all(result.status == "pass" for result in self.results)

    def count(self, status: Status) -> int:
        return sum(result.status == status for result in self.results)

    def result(self, id: str) -> Result:
        """Raises KeyError if the run did not include this check."""
        for result in self.results:
            if result.check.id == id:
                return result
        raise KeyError(id)
