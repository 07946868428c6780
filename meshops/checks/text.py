"""A report for a person: a line for each check, grouped by section."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from meshops.checks.model import Report, Result, Status, Table

_MARKS: dict[Status, str] = {"pass": "PASS", "fail": "FAIL", "unknown": "????", "listed": "LIST"}
_COLOURS: dict[Status, str] = {"pass": "32", "fail": "31", "unknown": "33", "listed": "33"}
_INDENT = " " * 6


@dataclass(frozen=True, kw_only=True)
class Style:
    """colour: ANSI escapes, for a terminal only."""

    colour: bool = False

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def style_of(stream: TextIO) -> Style:
    """Colour on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return Style(colour=stream.isatty() and "NO_COLOR" not in os.environ)


def render(report: Report, *, style: Style | None = None, verbose: bool = False) -> str:
    """One line for each check, by section; below what did not pass its evidence (verbose: below all) and remedy."""
    style = style or Style()
    lines = [style.paint(title(report), "1"), ""]
    width = max((len(result.check.name) for result in report.results), default=0)
    sections = dict.fromkeys(result.check.section for result in report.results)
    for section in sections:
        lines.append(style.paint(section, "1"))
        for result in report.results:
            if result.check.section == section:
                lines += _rows(result, width, style, verbose=verbose)
        lines.append("")
    lines += report.notes
    lines.append(f"{summary(report)}, in {report.seconds:.1f} s")
    return "\n".join(lines)


def title(report: Report) -> str:
    """`Verify of stack dev, cluster mesh-dev`, and the place if there is one to tell."""
    stack = f"stack {report.stack}, " if report.stack else ""
    return f"{report.command.capitalize()} of {stack}cluster {report.cluster}{report.place and f' {report.place}'}"


def summary(report: Report) -> str:
    """`N passed, N failed, N unknown`, and what is listed if anything is."""
    listed = report.count("listed")
    return (
        f"{report.count('pass')} passed, {report.count('fail')} failed, {report.count('unknown')} unknown"
        f"{f', {listed} listed' if listed else ''}"
    )


def table_lines(table: Table, style: Style | None = None) -> Iterator[str]:
    """A table as aligned lines; an empty header is left out, and nothing trails."""
    style = style or Style()
    rows = (table.header, *table.rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.header))]
    if any(table.header):
        yield style.paint(_aligned(table.header, widths), "2")
    for row in table.rows:
        yield _aligned(row, widths)


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _rows(result: Result, width: int, style: Style, *, verbose: bool) -> Iterator[str]:
    check, verdict = result.check, result.verdict
    mark = style.paint(_MARKS[result.status], f"1;{_COLOURS[result.status]}")
    yield f"{mark}  {check.id}  {check.name.ljust(width)}  {_one_line(verdict.finding)}"
    failed = result.status in ("fail", "unknown")
    if failed or verbose:
        yield from (_INDENT + style.paint(line, "2") for line in _evidence(result, verbose=verbose))
        if verdict.table is not None:
            yield from (_INDENT + line for line in table_lines(verdict.table, style))
    if failed and result.remedy:
        yield f"{_INDENT}{style.paint(f'remedy ({check.severity}):', '1')} {result.remedy}"


def _evidence(result: Result, *, verbose: bool) -> Iterator[str]:
    """All of it if verbose; otherwise what did not hold, unless the finding has said it already."""
    lines = [_one_line(line) for line in result.verdict.evidence]
    if not verbose:
        lines = [line for line in lines if not line.startswith("ok: ")]
        if len(lines) == 1 and _one_line(result.verdict.finding) in lines[0]:
            return
    yield from lines


def _one_line(text: str) -> str:
    return " ".join(text.split())
