"""Preflight's results for a person and for a program."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from meshops.checks.result import Result, Status, Table, Verdict

_MARKS: dict[Status, str] = {"pass": "PASS", "fail": "FAIL", "unknown": "????"}
_COLOURS: dict[Status, str] = {"pass": "32", "fail": "31", "unknown": "33"}
_INDENT = " " * 6


@dataclass(frozen=True, kw_only=True)
class Style:
    """colour: ANSI escapes, for a terminal only."""

    colour: bool = False

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def render(results: tuple[Result, ...], *, title: str, style: Style | None = None) -> str:
    """The report for a terminal."""
    style = style or Style()
    lines = [style.paint(title, "1"), ""]
    for result in results:
        lines += [*_result(result, style), ""]
    counts = {status: sum(result.verdict.status == status for result in results) for status in _MARKS}
    lines.append(f"{counts['pass']} passed, {counts['fail']} failed, {counts['unknown']} unknown")
    return "\n".join(lines)


def table_lines(table: Table, style: Style | None = None) -> Iterator[str]:
    """A table as aligned lines; an empty header is left out, and nothing trails."""
    style = style or Style()
    rows = (table.header, *table.rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.header))]
    if any(table.header):
        yield style.paint(_aligned(table.header, widths), "2")
    for row in table.rows:
        yield _aligned(row, widths)


def document(results: tuple[Result, ...], **about: str) -> str:
    """The report as JSON: `{…about, "results": [{id, name, shows, severity, status, summary, …}]}`."""
    body: dict[str, Any] = {**about, "results": [_plain(result) for result in results]}
    return json.dumps(body, indent=2)


def _result(result: Result, style: Style) -> Iterator[str]:
    verdict = result.verdict
    mark = style.paint(_MARKS[verdict.status], f"1;{_COLOURS[verdict.status]}")
    yield f"{mark}  {style.paint(result.check.name, '1')}  {style.paint(_id(result), '2')}"
    yield _INDENT + verdict.summary
    yield from (_INDENT + style.paint(detail, "2") for detail in verdict.details)
    if verdict.evidence is not None:
        yield from (_INDENT + line for line in _evidence(verdict, style))
    if result.remedy:
        yield f"{_INDENT}{style.paint('remedy:', '1')} {result.remedy}"


def _id(result: Result) -> str:
    severity = f", {result.check.severity}" if result.verdict.status != "pass" else ""
    return f"[{result.check.id}{severity}]"


def _evidence(verdict: Verdict, style: Style) -> Iterable[str]:
    return () if verdict.evidence is None else table_lines(verdict.evidence, style)


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _plain(result: Result) -> dict[str, Any]:
    check, verdict = result.check, result.verdict
    evidence = verdict.evidence
    return {
        "id": check.id,
        "name": check.name,
        "shows": check.shows,
        "severity": check.severity,
        "status": verdict.status,
        "summary": verdict.summary,
        "details": list(verdict.details),
        "remedy": result.remedy,
        "evidence": None
        if evidence is None
        else {"header": list(evidence.header), "rows": [list(row) for row in evidence.rows]},
    }
