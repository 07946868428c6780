"""What holds for every check of verify, and how a report is shown: table, JSON, JUnit; the command's own manners."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from meshops.checks.result import Status
from meshops.checks.text import Style
from meshops.verify import command, registry
from meshops.verify.reference import reference
from meshops.verify.registry import CHECKS
from meshops.verify.result import LAYERS, Report, Result, Verdict
from meshops.verify.run import SelectionError, VerifyOptions, chosen, verify
from meshops.verify.text import document, junit, table
from tests import ROOT
from tests.unit.meshops.verify.world import settings

_LAYER_DIGIT = {layer: str(number) for number, layer in enumerate(LAYERS, start=1)}


def test_every_module_of_checks_is_in_the_registry() -> None:
    files = {path.stem for path in (ROOT / "meshops" / "verify" / "checks").glob("[!_]*.py")}
    assert {module.__name__.rpartition(".")[2] for module in registry.MODULES} == files


def test_every_check_has_an_id_of_its_own_layer_and_says_what_it_is() -> None:
    ids = [check.id for check in CHECKS]
    assert len(ids) == len(set(ids))
    for check in CHECKS:
        assert re.fullmatch(r"MV\d{3}", check.id), check.id
        assert check.id[2] == _LAYER_DIGIT[check.layer], check.id
        assert all(text.endswith(".") for text in (check.shows, check.how, check.remedy)), check.id
        assert check.name
        assert len(check.name) <= 45, check.id
        assert check.needs, check.id
        assert not check.calls or "traffic" in check.needs, check.id


def test_no_two_checks_have_one_name() -> None:
    names = [check.name for check in CHECKS]
    assert len(names) == len(set(names))


def test_the_page_about_the_checks_is_the_checks_own() -> None:
    page = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
    assert reference() in page, "docs/verify.md is not up to date: make docs"


def _report(*statuses: Status) -> Report:
    results = []
    for check, status in zip(CHECKS, statuses, strict=False):
        verdict = Verdict(status=status, finding=f"{status} <it>", evidence=("ok: one", "FAIL: two", "FAIL: three"))
        results.append(Result(check=check, verdict=verdict))
    return Report(
        stack="test",
        cluster="mesh-test",
        run="r1",
        started=datetime(2026, 11, 21, 12, tzinfo=UTC),
        seconds=1.25,
        results=tuple(results),
    )


def test_only_a_report_of_passes_exits_0() -> None:
    codes = [_report(*statuses).exit_code for statuses in (("pass",), ("pass", "unknown"), ("fail", "pass"), ())]
    assert codes == [0, 1, 1, 1]


def test_the_table_has_a_line_for_each_check_and_more_for_what_did_not_pass() -> None:
    report = _report("pass", "fail", "unknown")
    lines = table(report).splitlines()
    first, second, third = CHECKS[:3]
    width = max(len(check.name) for check in CHECKS[:3])
    assert lines == [
        "Verify of stack test, cluster mesh-test",
        "",
        "Client to load balancer",
        f"PASS  MV101  {first.name.ljust(width)}  pass <it>",
        f"FAIL  MV102  {second.name.ljust(width)}  fail <it>",
        "      FAIL: two",
        "      FAIL: three",
        f"      remedy ({second.severity}): {second.remedy}",
        f"????  MV103  {third.name.ljust(width)}  unknown <it>",
        "      FAIL: two",
        "      FAIL: three",
        f"      remedy ({third.severity}): {third.remedy}",
        "",
        "1 passed, 1 failed, 1 unknown, in 1.2 s",
    ]


def test_the_table_is_plain_unless_colour_is_asked_for() -> None:
    assert "\x1b" not in table(_report("pass", "fail"))
    assert "\x1b[1;31mFAIL\x1b[0m" in table(_report("pass", "fail"), style=Style(colour=True))


def test_verbose_shows_the_evidence_of_a_pass() -> None:
    assert "      ok: one" in table(_report("pass"), verbose=True).splitlines()


def test_the_json_has_everything() -> None:
    body = json.loads(document(_report("pass", "fail")))
    assert (body["passed"], body["failed"], body["unknown"], body["seconds"]) == (1, 1, 0, 1.25)
    assert body["results"][1] == {
        "id": "MV102",
        "layer": CHECKS[1].layer,
        "name": CHECKS[1].name,
        "shows": CHECKS[1].shows,
        "how": CHECKS[1].how,
        "severity": CHECKS[1].severity,
        "status": "fail",
        "finding": "fail <it>",
        "evidence": ["ok: one", "FAIL: two", "FAIL: three"],
        "remedy": CHECKS[1].remedy,
    }
    assert body["results"][0]["remedy"] == ""


def test_junit_has_a_case_for_each_check_and_carries_any_text() -> None:
    report = _report("pass", "fail", "unknown")
    strange = replace(report.results[1], verdict=Verdict(status="fail", finding="bell \x07 & <tag>"))
    suite = ElementTree.fromstring(junit(replace(report, results=(report.results[0], strange, report.results[2]))))[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == [f"{check.id} {check.name}" for check in CHECKS[:3]]
    failure = cases[1].find("failure")
    assert failure is not None
    assert failure.get("message") == "bell ? & <tag>"
    assert cases[2].find("error") is not None


def test_checks_are_chosen_by_id_and_an_unknown_one_is_refused_by_name() -> None:
    assert [check.id for check in chosen(("MV605", "MV101"))] == ["MV101", "MV605"]
    assert chosen(()) == CHECKS
    with pytest.raises(SelectionError, match=r"There is no check MV999: there are MV101"):
        chosen(("MV999",))


def test_a_namespace_that_the_stack_does_not_have_is_refused() -> None:
    with pytest.raises(SelectionError, match=r"no namespace nowhere: its settings list ledgers, shop"):
        verify(settings(), VerifyOptions(namespaces=("nowhere",)))


def test_without_a_cluster_everything_is_unknown_and_nothing_passes() -> None:
    report = verify(settings(), VerifyOptions(kubectl="nowhere-kubectl", only=("MV101", "MV303", "MV606")))
    assert [result.status for result in report.results] == ["unknown"] * 3
    assert "nowhere-kubectl is not on the PATH" in report.result("MV606").verdict.finding
    assert report.exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stack", "nowhere"], "Unknown stack 'nowhere'"),
        (["--stack", "dev", "--only", "MV000"], "There is no check MV000"),
        (["--stack", "dev", "--kubeconfig", "/nowhere/kubeconfig"], "There is no kubeconfig /nowhere/kubeconfig"),
        ([], "verify needs --stack"),
    ],
)
def test_wrong_usage_exits_2_with_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([*arguments, "--directory", str(ROOT)]) == 2
    assert message in capsys.readouterr().err


def test_the_report_is_written_where_asked_and_the_terminal_shows_the_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report.json"
    arguments = ["--stack", "dev", "--directory", str(ROOT), "--kubectl", "nowhere-kubectl", "--only", "MV606"]
    assert command.main([*arguments, "--format", "json", "--output", str(output)]) == 1
    assert json.loads(output.read_text(encoding="utf-8"))["unknown"] == 1
    assert capsys.readouterr().out == f"0 passed, 0 failed, 1 unknown: {output}\n"


def test_the_list_names_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [check.id for check in CHECKS]
