"""A report for a person (a table by layer), for a program (JSON) and for a CI server (JUnit XML)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from meshops.checks.result import Status
from meshops.checks.text import Style
from meshops.verify.result import LAYERS, Report, Result

_MARKS: dict[Status, str] = {"pass": "PASS", "fail": "FAIL", "unknown": "????"}
_COLOURS: dict[Status, str] = {"pass": "32", "fail": "31", "unknown": "33"}
_INDENT = " " * 6
# What XML 1.0 cannot carry.
_NOT_XML = re.compile(r"[^\x09\x0a\x0d\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def table(report: Report, *, style: Style | None = None, verbose: bool = False) -> str:
    """Grouped by layer, one line for each check; evidence and remedy below what did not pass (verbose: below all)."""
    style = style or Style()
    stack = f"stack {report.stack}, " if report.stack else ""
    lines = [style.paint(f"Verify of {stack}cluster {report.cluster}", "1"), ""]
    width = max((len(result.check.name) for result in report.results), default=0)
    for layer in LAYERS:
        of_layer = [result for result in report.results if result.check.layer == layer]
        if of_layer:
            lines.append(style.paint(layer, "1"))
            for result in of_layer:
                lines += _rows(result, width, style, verbose=verbose)
            lines.append("")
    lines.append(f"{summary(report)}, in {report.seconds:.1f} s")
    return "\n".join(lines)


def summary(report: Report) -> str:
    """`N passed, N failed, N unknown`."""
    return f"{report.count('pass')} passed, {report.count('fail')} failed, {report.count('unknown')} unknown"


def _rows(result: Result, width: int, style: Style, *, verbose: bool) -> Iterator[str]:
    check, verdict = result.check, result.verdict
    mark = style.paint(_MARKS[result.status], f"1;{_COLOURS[result.status]}")
    yield f"{mark}  {check.id}  {check.name.ljust(width)}  {_one_line(verdict.finding)}"
    failed = result.status != "pass"
    if failed or verbose:
        shown = verdict.evidence if verbose else tuple(line for line in verdict.evidence if not line.startswith("ok: "))
        # A finding that is all the evidence there is need not be said twice.
        if len(shown) > 1 or verbose:
            yield from (_INDENT + style.paint(_one_line(line), "2") for line in shown)
    if failed and result.remedy:
        yield f"{_INDENT}{style.paint(f'remedy ({check.severity}):', '1')} {result.remedy}"


def document(report: Report) -> str:
    """Everything, as JSON."""
    body: dict[str, Any] = {
        "stack": report.stack,
        "cluster": report.cluster,
        "run": report.run,
        "started": report.started.isoformat(timespec="seconds"),
        "seconds": round(report.seconds, 3),
        "timings": [{"part": part, "seconds": round(seconds, 3)} for part, seconds in report.timings],
        "passed": report.count("pass"),
        "failed": report.count("fail"),
        "unknown": report.count("unknown"),
        "results": [_plain(result) for result in report.results],
    }
    return json.dumps(body, indent=2, ensure_ascii=False)


def _plain(result: Result) -> dict[str, Any]:
    check, verdict = result.check, result.verdict
    return {
        "id": check.id,
        "layer": check.layer,
        "name": check.name,
        "shows": check.shows,
        "how": check.how,
        "severity": check.severity,
        "status": result.status,
        "finding": verdict.finding,
        "evidence": list(verdict.evidence),
        "remedy": result.remedy,
    }


def junit(report: Report) -> str:
    """One test case for each check: a fail is a failure, an unknown an error."""
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        suites,
        "testsuite",
        name=f"meshops verify {report.stack}".strip(),
        tests=str(len(report.results)),
        failures=str(report.count("fail")),
        errors=str(report.count("unknown")),
        skipped="0",
        time=f"{report.seconds:.3f}",
        timestamp=report.started.strftime("%Y-%m-%dT%H:%M:%S"),
    )
    for result in report.results:
        check, verdict = result.check, result.verdict
        case = ElementTree.SubElement(suite, "testcase", classname=check.layer, name=f"{check.id} {check.name}")
        text = _xml("\n".join((verdict.finding, *verdict.evidence, *((result.remedy,) if result.remedy else ()))))
        if result.status == "pass":
            ElementTree.SubElement(case, "system-out").text = text
        else:
            kind = "failure" if result.status == "fail" else "error"
            problem = ElementTree.SubElement(case, kind, message=_xml(verdict.finding), type=check.severity)
            problem.text = text
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _xml(text: str) -> str:
    return _NOT_XML.sub("?", text)
