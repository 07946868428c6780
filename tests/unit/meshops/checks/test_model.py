"""What holds for every check and verdict, and the one exit code over all of them."""

from __future__ import annotations

import re

import pytest

from meshops.checks.exit_codes import exit_code
from meshops.checks.model import Check, Result, Status, Unavailable, Verdict
from meshops.preflight.run import CHECKS as PREFLIGHT
from meshops.verify.registry import CHECKS as VERIFY
from tests.unit.meshops.checks.reports import check, report

EVERY_CHECK: tuple[Check, ...] = (*PREFLIGHT, *VERIFY)


def test_no_two_checks_of_any_command_have_one_id_or_one_name() -> None:
    for texts in ([each.id for each in EVERY_CHECK], [each.name for each in EVERY_CHECK]):
        assert len(texts) == len(set(texts))


@pytest.mark.parametrize("check", EVERY_CHECK, ids=lambda check: check.id)
def test_every_check_is_described_in_whole_sentences(check: Check) -> None:
    assert re.fullmatch(r"M[A-Z]\d{3}", check.id)
    assert all(text.endswith(".") for text in (check.shows, check.how, check.remedy))
    assert check.section
    assert check.name
    assert len(check.name) <= 45


def test_the_first_digit_of_preflights_ids_is_the_section_s() -> None:
    assert [(check.id, check.section) for check in PREFLIGHT] == [
        ("MP101", "Network"),
        ("MP201", "Certificate"),
        ("MP301", "Access"),
        ("MP302", "Access"),
        ("MP303", "Access"),
        *((f"MP40{number}", "Existing cluster") for number in range(1, 6)),
        ("MP501", "Names"),
        ("MP502", "Names"),
        ("MP601", "Upgrade"),
        ("MP602", "Upgrade"),
        ("MP701", "Namespaces"),
    ]


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (("pass",), 0),
        (("pass", "unknown"), 3),
        (("unknown",), 3),
        (("unknown", "fail"), 1),
        (("fail", "pass"), 1),
        ((), 3),
    ],
)
def test_unknown_never_exits_0(statuses: tuple[Status, ...], code: int) -> None:
    found = report(*statuses)
    assert exit_code(found.results) == code
    assert found.passed is (code == 0)


def test_a_pass_has_no_remedy_and_a_fail_has_the_verdicts_own_before_the_checks() -> None:
    def remedy(verdict: Verdict) -> str:
        return Result(check=check(1), verdict=verdict).remedy

    assert remedy(Verdict(status="pass", finding="", remedy="Do this.")) == ""
    assert remedy(Verdict(status="fail", finding="", remedy="Do this.")) == "Do this."
    assert remedy(Verdict(status="unknown", finding="")) == "Remedy 1."


def test_a_fact_that_could_not_be_had_is_unknown_with_its_own_remedy() -> None:
    fact = Unavailable(reason="AWS said no.", remedy="Ask.")
    assert fact.verdict() == Verdict(status="unknown", finding="AWS said no.", remedy="Ask.")


def test_a_result_is_found_by_its_id() -> None:
    found = report("pass", "fail")
    assert found.result("XX102").status == "fail"
    with pytest.raises(KeyError, match="XX109"):
        found.result("XX109")
