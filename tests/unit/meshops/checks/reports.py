"""Reports with as many checks as statuses are given, for the tests of how a report is shown and written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from meshops.checks.model import Check, Report, Result, Status, Verdict

EVIDENCE = ("ok: one", "FAIL: two", "FAIL: three")


def check(number: int, section: str = "First") -> Check:
    return Check(
        id=f"XX10{number}",
        section=section,
        name="Name " + "x" * number,
        shows=f"Shows {number}.",
        how=f"How {number}.",
        severity="high",
        remedy=f"Remedy {number}.",
    )


def report(*statuses: Status, **changes: str) -> Report:
    """The first check is of section First, all others of section Second."""
    results = [
        Result(
            check=check(number, "First" if number == 1 else "Second"),
            verdict=Verdict(status=status, finding=f"{status} <it>", evidence=EVIDENCE),
        )
        for number, status in enumerate(statuses, start=1)
    ]
    return of(*results, **changes)


def of(*results: Result, **changes: Any) -> Report:
    return Report(
        command=changes.pop("command", "verify"),
        stack="test",
        cluster="mesh-test",
        region="eu-west-1",
        started=datetime(2026, 11, 21, 12, tzinfo=UTC),
        seconds=1.25,
        results=results,
        timings=(("objects", 0.5),),
        **changes,
    )
