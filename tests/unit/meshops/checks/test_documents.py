"""A report as JSON and as JUnit XML."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from meshops.checks.documents import json_document, junit_document
from meshops.checks.model import Result, Table, Verdict
from tests.unit.meshops.checks.reports import check, of, report

TABLE = Table(header=("zone", "subnet"), rows=(("eu-west-1a", "subnet-1"),))


def test_the_json_has_everything() -> None:
    body = json.loads(json_document(report("pass", "fail", run="r1")))
    results = body.pop("results")
    assert body == {
        "command": "verify",
        "stack": "test",
        "cluster": "mesh-test",
        "region": "eu-west-1",
        "run": "r1",
        "started": "2026-11-21T12:00:00+00:00",
        "seconds": 1.25,
        "timings": [{"part": "objects", "seconds": 0.5}],
        "passed": 1,
        "failed": 1,
        "unknown": 0,
        "listed": 0,
        "notes": [],
    }
    assert results[1] == {
        "id": "XX102",
        "section": "Second",
        "name": "Name xx",
        "shows": "Shows 2.",
        "how": "How 2.",
        "severity": "high",
        "status": "fail",
        "finding": "fail <it>",
        "evidence": ["ok: one", "FAIL: two", "FAIL: three"],
        "table": None,
        "remedy": "Remedy 2.",
    }
    assert results[0]["remedy"] == ""


def test_the_json_has_a_table_as_header_and_rows() -> None:
    verdict = Verdict(status="pass", finding="", table=TABLE)
    (result,) = json.loads(json_document(of(Result(check=check(1), verdict=verdict))))["results"]
    assert result["table"] == {"header": ["zone", "subnet"], "rows": [["eu-west-1a", "subnet-1"]]}


def test_junit_has_a_case_for_each_check_and_carries_any_text() -> None:
    first, _, third = report("pass", "fail", "unknown").results
    strange = Result(check=check(2), verdict=Verdict(status="fail", finding="bell \x07 & <tag>", table=TABLE))
    suite = ElementTree.fromstring(junit_document(of(first, strange, third)))[0]
    assert suite.get("name") == "meshops verify test"
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == ["XX101 Name x", "XX102 Name xx", "XX103 Name xxx"]
    assert [case.get("classname") for case in cases] == ["First", "First", "Second"]
    failure = cases[1].find("failure")
    assert failure is not None
    assert failure.get("message") == "bell ? & <tag>"
    assert (failure.text or "").splitlines() == [
        "bell ? & <tag>",
        "zone        subnet",
        "eu-west-1a  subnet-1",
        "Remedy 2.",
    ]
    assert cases[2].find("error") is not None
