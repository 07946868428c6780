"""A report on a terminal."""

from __future__ import annotations

import io

import pytest

from meshops.checks.model import Result, Table, Verdict
from meshops.checks.text import Style, render, style_of
from tests.unit.meshops.checks.reports import check, of, report


def test_there_is_a_line_for_each_check_and_more_for_what_did_not_pass() -> None:
    assert render(report("pass", "fail", "unknown")).splitlines() == [
        "Verify of stack test, cluster mesh-test",
        "",
        "First",
        "PASS  XX101  Name x    pass <it>",
        "",
        "Second",
        "FAIL  XX102  Name xx   fail <it>",
        "      FAIL: two",
        "      FAIL: three",
        "      remedy (high): Remedy 2.",
        "????  XX103  Name xxx  unknown <it>",
        "      FAIL: two",
        "      FAIL: three",
        "      remedy (high): Remedy 3.",
        "",
        "1 passed, 1 failed, 1 unknown, in 1.2 s",
    ]


def test_it_is_plain_unless_colour_is_asked_for() -> None:
    assert "\x1b" not in render(report("pass", "fail"))
    assert "\x1b[1;31mFAIL\x1b[0m" in render(report("pass", "fail"), style=Style(colour=True))


def test_colour_is_for_terminals_of_people_who_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert (style_of(Terminal()).colour, style_of(io.StringIO()).colour) == (True, False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert style_of(Terminal()).colour is False


def test_verbose_shows_the_evidence_of_a_pass() -> None:
    assert "      ok: one" in render(report("pass"), verbose=True).splitlines()


def test_the_title_says_where_else_it_looked() -> None:
    found = report("pass", command="preflight", place="in eu-west-1, at http://127.0.0.1:5000 in place of AWS")
    assert render(found).splitlines()[0] == (
        "Preflight of stack test, cluster mesh-test in eu-west-1, at http://127.0.0.1:5000 in place of AWS"
    )


def test_a_table_stands_aligned_below_the_other_evidence() -> None:
    table = Table(header=("zone", "subnet"), rows=(("eu-west-1a", "subnet-1"), ("b", "subnet-22")))
    verdict = Verdict(status="fail", finding="One zone.", evidence=("In vpc-1.",), remedy="Tag.", table=table)
    assert render(of(Result(check=check(1), verdict=verdict))).splitlines()[3:-2] == [
        "FAIL  XX101  Name x  One zone.",
        "      In vpc-1.",
        "      zone        subnet",
        "      eu-west-1a  subnet-1",
        "      b           subnet-22",
        "      remedy (high): Tag.",
    ]


def test_a_finding_that_is_all_the_evidence_there_is_is_said_once() -> None:
    verdict = Verdict(status="fail", finding="two  spaces", evidence=("ok: one", "FAIL: two spaces"))
    text = render(of(Result(check=check(1), verdict=verdict)))
    assert text.count("two spaces") == 1
    another = Verdict(status="fail", finding="two", evidence=("ok: one", "something else"))
    assert "      something else" in render(of(Result(check=check(1), verdict=another)))
