"""The ALB's certificate: what it covers, whether it is issued, how long it lasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from configuration.settings import Settings
from meshops.checks.model import Unavailable, Verdict
from meshops.preflight.aws import Certificate
from meshops.preflight.certificate import check, covers
from tests.unit.meshops.preflight.preflight_stack import ARN, settings_of

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


ISSUED = Certificate(
    arn=ARN,
    status="ISSUED",
    names=("*.test.example.com", "test.example.com"),
    key_algorithm="EC_prime256v1",
    not_after=NOW + timedelta(days=200),
    imported=False,
)


def certificate(**changes: Any) -> Certificate:
    return replace(ISSUED, **changes)


def verdict(*certificates: Certificate, settings: Settings | None = None, minimum_days: int = 30) -> Verdict:
    return check(settings or settings_of(), certificates, now=NOW, minimum_days=minimum_days)


@pytest.mark.parametrize(
    ("name", "host", "covered"),
    [
        ("test.example.com", "test.example.com", True),
        ("*.test.example.com", "app.test.example.com", True),
        ("*.test.example.com", "App.Test.example.com", True),
        ("*.test.example.com", "test.example.com", False),
        ("*.test.example.com", "v2.app.test.example.com", False),
        ("*.example.com", "app.test.example.com", False),
        ("*.test.example.com", "app.test.example.com.evil.com", False),
    ],
)
def test_a_wildcard_stands_for_exactly_one_label(name: str, host: str, covered: bool) -> None:
    assert covers(name, host) is covered


def test_every_host_is_listed_in_order_with_the_name_that_covers_it() -> None:
    found = verdict(certificate(), settings=settings_of(hosts=("b.test.example.com", "a.test.example.com")))
    assert found.table is not None
    assert found.table.rows[-2:] == (
        ("a.test.example.com", "covered by *.test.example.com"),
        ("b.test.example.com", "covered by *.test.example.com"),
    )


def test_an_issued_certificate_that_covers_every_host_passes_and_shows_its_key_and_end() -> None:
    found = verdict(certificate())
    assert (found.status, found.finding) == ("pass", "Issued, covers 1 host, 200 days left, EC_prime256v1.")
    assert found.table is not None
    assert found.table.rows == (
        ("certificate", ARN),
        ("status", "ISSUED"),
        ("key", "EC_prime256v1"),
        ("ends", "2027-04-19 (200 days left)"),
        ("app.test.example.com", "covered by *.test.example.com"),
    )


def test_a_pending_certificate_fails_and_names_what_waits() -> None:
    found = verdict(
        certificate(status="PENDING_VALIDATION", not_after=None, problem="not yet validated: a.example.com")
    )
    assert (found.status, found.finding) == (
        "fail",
        "Its status is PENDING_VALIDATION (not yet validated: a.example.com).",
    )
    assert found.remedy.startswith("See that the validation records exist")


def test_an_uncovered_host_fails_by_name() -> None:
    found = verdict(certificate(names=("test.example.com",)))
    assert (found.status, found.finding) == ("fail", "It does not cover app.test.example.com.")
    assert found.table is not None
    assert found.table.rows[-1] == ("app.test.example.com", "NOT covered")


def test_an_expired_certificate_fails() -> None:
    found = verdict(certificate(status="EXPIRED", not_after=NOW - timedelta(days=3)))
    assert (found.status, found.finding) == ("fail", "It expired on 2026-09-28.")


@pytest.mark.parametrize(("days", "status"), [(29, "fail"), (30, "pass")])
def test_a_certificate_must_have_the_wanted_days_left(days: int, status: str) -> None:
    assert verdict(certificate(not_after=NOW + timedelta(days=days))).status == status


def test_the_wanted_days_can_be_changed() -> None:
    assert verdict(certificate(not_after=NOW + timedelta(days=29)), minimum_days=7).status == "pass"


def test_an_imported_certificate_near_its_end_is_said_to_need_a_successor() -> None:
    found = verdict(certificate(imported=True, not_after=NOW + timedelta(days=5)))
    assert (found.status, found.finding) == ("fail", "5 days left, 30 wanted.")
    assert found.remedy.startswith("It was imported: ACM does not renew it.")


def test_every_problem_is_said_at_once() -> None:
    found = verdict(certificate(names=("test.example.com",), not_after=NOW + timedelta(days=5)))
    assert found.finding == "5 days left, 30 wanted. It does not cover app.test.example.com."


def test_before_the_first_up_the_certificate_that_it_requests_is_unknown_and_no_failure() -> None:
    assert verdict().finding == "No certificate in eu-west-1 names test.example.com or *.test.example.com yet."
    assert verdict().status == "unknown"


def test_an_arn_that_does_not_exist_fails() -> None:
    found = verdict(settings=settings_of(certificateArn=ARN))
    assert (found.status, found.finding) == ("fail", f"{ARN} does not exist in eu-west-1.")


def test_the_best_of_several_certificates_is_judged_and_the_others_are_mentioned() -> None:
    pending = certificate(arn=ARN[:-1] + "1", status="PENDING_VALIDATION", not_after=None)
    short = certificate(arn=ARN[:-1] + "2", not_after=NOW + timedelta(days=40))
    found = verdict(pending, certificate(), short)
    assert (found.status, found.finding) == ("pass", "Issued, covers 1 host, 200 days left, EC_prime256v1.")
    assert found.evidence == ("2 more for this domain in eu-west-1 are not looked at: none is better.",)


def test_a_stack_without_an_alb_needs_no_certificate() -> None:
    found = verdict(settings=settings_of(entries=["nlb"], hosts=()))
    assert found == Verdict(status="pass", finding="Not needed: no ALB terminates TLS in this stack.")


def test_certificates_that_could_not_be_read_are_unknown() -> None:
    found = check(settings_of(), Unavailable(reason="AWS said no", remedy="Ask."), now=NOW)
    assert found == Verdict(status="unknown", finding="AWS said no", remedy="Ask.")
