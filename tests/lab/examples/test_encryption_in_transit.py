"""The example encryption-in-transit, run as its command runs it."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def run(whole_lab: WholeLab) -> subprocess.CompletedProcess[str]:
    return whole_lab.command("example", "encryption-in-transit")


def test_every_expectation_holds(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr
    held, total = re.findall(r"(\d+) of (\d+) expectations held", run.stdout)[-1]
    assert held == total != "0"


def test_the_article_s_lines_come_in_the_article_s_order(run: subprocess.CompletedProcess[str]) -> None:
    codes = re.findall(
        r"^   From nginx\.front-end to hello-world-rest-api\.back-end - HTTP Response Code: (\d+)$", run.stdout, re.M
    )
    # While a change is on its way to the proxies a call may be asked again, but only the last answer is printed.
    assert codes == ["200", "403", "200", "000", "000", "403", "200"]
    assert "command terminated with exit code 56" in run.stdout


def test_the_audit_lines_prove_refusal_and_mutual_tls(run: subprocess.CompletedProcess[str]) -> None:
    refused, accepted = "response_code_details: filter_chain_not_found", "requested_server_name: outbound_.8080_._."
    assert 0 < run.stdout.index(refused) < run.stdout.index(accepted)
    assert "downstream_peer_uri_san: spiffe://cluster.local/ns/front-end/sa/nginx" in run.stdout


def test_nothing_is_left(whole_lab: WholeLab, run: subprocess.CompletedProcess[str]) -> None:
    assert "expected nothing left" in run.stdout
    namespaces = {one["metadata"]["name"] for one in whole_lab.get("namespaces")["items"]}
    assert not namespaces & {"front-end", "back-end"}


def test_it_refuses_to_begin_where_one_of_its_namespaces_is_somebody_s(
    whole_lab: WholeLab, run: subprocess.CompletedProcess[str]
) -> None:
    made = whole_lab.tool("kubectl", "create", "namespace", "back-end")
    assert made.returncode == 0, made.stderr
    try:
        refused = whole_lab.command("example", "encryption-in-transit")
        assert refused.returncode == 1
        assert "namespace/back-end exists already" in refused.stdout
        assert whole_lab.get("namespace", "back-end")["status"]["phase"] == "Active"
    finally:
        whole_lab.tool("kubectl", "delete", "namespace", "back-end")
