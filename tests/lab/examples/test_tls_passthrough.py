"""The example tls-passthrough, run as its command runs it."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def run(whole_lab: WholeLab) -> subprocess.CompletedProcess[str]:
    return whole_lab.command("example", "tls-passthrough")


def test_every_expectation_holds(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    held, total = re.findall(r"(\d+) of (\d+) expectations held", run.stdout)[-1]
    assert held == total != "0"


def test_both_solutions_end_in_the_application_s_own_tls(run: subprocess.CompletedProcess[str]) -> None:
    through_the_nlb = "nginx ended TLSv1.3 itself; server name: passthrough.lab.example.com; host: passthrough."
    through_the_alb = "nginx ended TLSv1.3 itself; server name: passthrough.lab.example.com; host: reencrypted."
    assert 0 < run.stdout.index(through_the_nlb) < run.stdout.index(through_the_alb)


def test_what_does_not_work_is_shown_not_to(run: subprocess.CompletedProcess[str]) -> None:
    steps = (
        "HTTP to the HTTPS back end",
        "Without, as an ALB connects",
        "HTTP inside mutual TLS",
        "SIMPLE towards the pod",
    )
    positions = [run.stdout.index(f"-- {step}") for step in steps]
    assert positions == sorted(positions)
    assert "The plain HTTP request was sent to HTTPS port" in run.stdout
    assert "HTTP 503" in run.stdout
    assert "CERTIFICATE_VERIFY_FAILED" in run.stdout


def test_no_key_is_printed_and_nothing_is_left(whole_lab: WholeLab, run: subprocess.CompletedProcess[str]) -> None:
    assert "PRIVATE KEY" not in run.stdout + run.stderr
    assert "expected nothing left" in run.stdout
    secrets = {one["metadata"]["name"] for one in whole_lab.get("secrets", "--all-namespaces")["items"]}
    assert not secrets & {"https-nginx", "example-tls-passthrough"}
