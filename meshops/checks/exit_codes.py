"""The exit codes of every command, each said once."""

from __future__ import annotations

from collections.abc import Iterable

from meshops.checks.model import Result

PASSED = 0
FAILED = 1
WRONG_USAGE = 2
UNKNOWN = 3
INTERRUPTED = 130

MEANING = "0 done, all passed; 1 something failed; 2 wrong usage; 3 nothing failed, but something is unknown"


def exit_code(results: Iterable[Result]) -> int:
    """0 only if everything passed and there was something; one fail makes it 1, whatever else is unknown."""
    statuses = {result.status for result in results}
    if "fail" in statuses:
        return FAILED
    return PASSED if "pass" in statuses and statuses <= {"pass", "listed"} else UNKNOWN
