"""The tally: makes one verdict of many. One fail makes it a fail, otherwise one unknown makes it unknown."""

from __future__ import annotations

from meshops.checks.model import Status, Verdict

_MARKS: dict[Status, str] = {"pass": "ok", "fail": "FAIL", "unknown": "unknown"}


class Tally:
    """Collects what was found about each thing, then says it in one line and the rest as evidence."""

    def __init__(self) -> None:
        self._lines: list[tuple[Status, str]] = []
        self._notes: list[str] = []

    def passed(self, line: str) -> None:
        self._lines.append(("pass", line))

    def failed(self, line: str) -> None:
        self._lines.append(("fail", line))

    def unknown(self, line: str) -> None:
        self._lines.append(("unknown", line))

    def note(self, line: str) -> None:
        """Something a reader should see that proves nothing."""
        self._notes.append(line)

    def verdict(self, holds: str, *, nothing: str = "", remedy: str = "") -> Verdict:
        """holds: the finding when all of them passed, with `{count}` for `3 of 3`.

        nothing: the finding of a pass when there was nothing to look at; without it that is unknown.
        """
        failed, unknown = self._of("fail"), self._of("unknown")
        evidence = (*(f"{_MARKS[status]}: {line}" for status, line in self._lines), *self._notes)
        if failed:
            return Verdict(status="fail", finding=_first(failed), evidence=evidence, remedy=remedy)
        if unknown:
            return Verdict(status="unknown", finding=_first(unknown), evidence=evidence)
        if not self._lines:
            if nothing:
                return Verdict(status="pass", finding=nothing, evidence=evidence)
            return Verdict(status="unknown", finding="There was nothing to look at.", evidence=evidence)
        return Verdict(status="pass", finding=holds.format(count=_all(self._lines)), evidence=evidence)

    def _of(self, wanted: Status) -> list[str]:
        return [line for status, line in self._lines if status == wanted]


def _all(lines: list[tuple[Status, str]]) -> str:
    return f"{len(lines)} of {len(lines)}"


def _first(lines: list[str]) -> str:
    return lines[0] if len(lines) == 1 else f"{lines[0]} (and {len(lines) - 1} more)"
