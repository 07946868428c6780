"""A report for a program (JSON) and for a CI server (JUnit XML)."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

from meshops.checks.model import Report, Result, Table
from meshops.checks.text import table_lines

# What XML 1.0 cannot carry.
_NOT_XML = re.compile(r"[^\x09\x0a\x0d\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def json_document(report: Report) -> str:
    """Everything. The keys are the same for every command."""
    body: dict[str, Any] = {
        "command": report.command,
        "stack": report.stack,
        "cluster": report.cluster,
        "region": report.region,
        "run": report.run,
        "started": report.started.isoformat(timespec="seconds"),
        "seconds": round(report.seconds, 3),
        "timings": [{"part": part, "seconds": round(seconds, 3)} for part, seconds in report.timings],
        "passed": report.count("pass"),
        "failed": report.count("fail"),
        "unknown": report.count("unknown"),
        "listed": report.count("listed"),
        "notes": list(report.notes),
        "results": [_plain(result) for result in report.results],
    }
    return json.dumps(body, indent=2, ensure_ascii=False)


def _plain(result: Result) -> dict[str, Any]:
    check, verdict = result.check, result.verdict
    return {
        "id": check.id,
        "section": check.section,
        "name": check.name,
        "shows": check.shows,
        "how": check.how,
        "severity": check.severity,
        "status": result.status,
        "finding": verdict.finding,
        "evidence": list(verdict.evidence),
        "table": _table(verdict.table),
        "remedy": result.remedy,
    }


def _table(table: Table | None) -> dict[str, Any] | None:
    return None if table is None else {"header": list(table.header), "rows": [list(row) for row in table.rows]}


def junit_document(report: Report) -> str:
    """One test case for each check: a fail is a failure, an unknown an error, what is listed is skipped."""
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(
        suites,
        "testsuite",
        name=f"meshops {report.command} {report.stack}".strip(),
        tests=str(len(report.results)),
        failures=str(report.count("fail")),
        errors=str(report.count("unknown")),
        skipped=str(report.count("listed")),
        time=f"{report.seconds:.3f}",
        timestamp=report.started.strftime("%Y-%m-%dT%H:%M:%S"),
    )
    for result in report.results:
        check, verdict = result.check, result.verdict
        case = ElementTree.SubElement(suite, "testcase", classname=check.section, name=f"{check.id} {check.name}")
        if result.status == "pass":
            ElementTree.SubElement(case, "system-out").text = _told(result)
        elif result.status == "listed":
            ElementTree.SubElement(case, "skipped", message=_xml(verdict.finding)).text = _told(result)
        else:
            kind = "failure" if result.status == "fail" else "error"
            problem = ElementTree.SubElement(case, kind, message=_xml(verdict.finding), type=check.severity)
            problem.text = _told(result)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _told(result: Result) -> str:
    verdict = result.verdict
    table = table_lines(verdict.table) if verdict.table is not None else ()
    return _xml("\n".join((verdict.finding, *verdict.evidence, *table, *((result.remedy,) if result.remedy else ()))))


def _xml(text: str) -> str:
    return _NOT_XML.sub("?", text)
