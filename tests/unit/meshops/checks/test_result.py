"""What holds for every preflight check, and for the exit code over all of them."""

from __future__ import annotations

from meshops.checks.result import Result, Status, Table, Verdict, exit_code
from meshops.checks.text import render
from meshops.preflight.run import CHECKS


def test_every_check_is_described_and_has_an_id_of_its_own() -> None:
    checks = [check for check, _ in CHECKS]
    assert [check.id for check in checks] == ["subnets", "certificate"]
    for check in checks:
        assert all((check.name, check.shows, check.remedy)), check.id


def test_unknown_never_exits_0() -> None:
    check = CHECKS[0][0]

    def code(*statuses: Status) -> int:
        return exit_code(tuple(Result(check=check, verdict=Verdict(status=s, summary="")) for s in statuses))

    assert [code("pass"), code("pass", "unknown"), code("unknown", "fail"), code()] == [0, 2, 1, 2]


def test_a_pass_has_no_remedy_and_a_fail_has_the_verdicts_own_before_the_checks() -> None:
    check = CHECKS[0][0]

    def remedy(verdict: Verdict) -> str:
        return Result(check=check, verdict=verdict).remedy

    assert remedy(Verdict(status="pass", summary="", remedy="Do this.")) == ""
    assert remedy(Verdict(status="fail", summary="", remedy="Do this.")) == "Do this."
    assert remedy(Verdict(status="unknown", summary="")) == check.remedy


def test_the_text_shows_verdict_evidence_and_remedy_aligned() -> None:
    evidence = Table(header=("zone", "subnet"), rows=(("eu-west-1a", "subnet-1"), ("b", "subnet-22")))
    verdict = Verdict(status="fail", summary="One zone.", details=("In vpc-1.",), remedy="Tag.", evidence=evidence)
    text = render((Result(check=CHECKS[0][0], verdict=verdict),), title="Preflight of stack x")
    assert text.splitlines() == [
        "Preflight of stack x",
        "",
        "FAIL  Subnets for the load balancer  [subnets, critical]",
        "      One zone.",
        "      In vpc-1.",
        "      zone        subnet",
        "      eu-west-1a  subnet-1",
        "      b           subnet-22",
        "      remedy: Tag.",
        "",
        "0 passed, 1 failed, 0 unknown",
    ]
