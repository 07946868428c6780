"""NetworkPolicies hold by traffic: each wall that is taken away is missed by the proof that looks at it."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from lab.commands.verification import prove
from lab.paths import STACK
from meshops.checks.model import Report
from meshops.stack_settings import stack_settings
from tests import ROOT
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(1800)

_BOOKKEEPING = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation")


@contextmanager
def _without(lab: WholeLab, namespace: str, *names: str) -> Generator[None]:
    """Without these NetworkPolicies; afterwards they stand again."""
    policies = [lab.get("networkpolicy", name, "--namespace", namespace) for name in names]
    for policy in policies:
        for field in _BOOKKEEPING:
            policy["metadata"].pop(field, None)
    gone = lab.tool("kubectl", "delete", "networkpolicy", *names, "--namespace", namespace)
    assert gone.returncode == 0, gone.stderr
    try:
        yield
    finally:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": policies})
        restored = lab.tool("kubectl", "create", "--filename=-", stdin=text)
        assert restored.returncode == 0, restored.stderr


def _verify(lab: WholeLab, *only: str) -> Report:
    return prove(lab.plane, stack_settings(ROOT, STACK), STACK, only=only)


def _found(report: Report, id: str) -> str:
    verdict = report.result(id).verdict
    return " ".join((verdict.status, verdict.finding, *verdict.evidence))


@pytest.mark.long
def test_without_its_walls_an_application_takes_connections_from_anybody(whole_lab: WholeLab) -> None:
    with _without(whole_lab, "secure-apps", "default-deny", "billing-api"):
        found = _found(_verify(whole_lab, "MV309"), "MV309")
    assert found.startswith("fail a pod outside to secure-apps/billing-api"), found
    # Its neighbours have walls of their own, which stand.
    assert "FAIL: a pod outside to secure-apps/frontend-ui" not in found
    assert _verify(whole_lab, "MV309").passed


@pytest.mark.long
def test_without_its_own_policy_an_applications_caller_is_refused(whole_lab: WholeLab) -> None:
    with _without(whole_lab, "payments", "ledger"):
        found = _found(_verify(whole_lab, "MV309"), "MV309")
    assert found.startswith("fail secure-apps/billing-api to payments/ledger"), found
    assert "and it is declared" in found
    assert _verify(whole_lab, "MV309").passed


def test_without_the_platforms_walls_istiods_ports_are_open_to_anybody(whole_lab: WholeLab) -> None:
    with _without(whole_lab, "istio-system", "default-deny", "istiod"):
        found = _found(_verify(whole_lab, "MV310"), "MV310")
    assert found.startswith("fail a pod outside to istio-system/istiod"), found
    assert ":15012/" in found
    assert _verify(whole_lab, "MV310").passed


def test_without_its_walls_an_application_gets_out_past_its_sidecar(whole_lab: WholeLab) -> None:
    with _without(whole_lab, "payments", "default-deny", "allow-platform"):
        found = _found(_verify(whole_lab, "MV506"), "MV506")
    for place in ("169.254.169.254:80", "169.254.169.253:53", ":443/"):
        assert f"FAIL: payments/ledger to http{'s' if place == ':443/' else ''}://" in found, found
        assert place in found
    assert "FAIL: secure-apps" not in found
    assert _verify(whole_lab, "MV506").passed


@pytest.mark.long
def test_without_its_walls_an_applications_datagrams_leave(whole_lab: WholeLab) -> None:
    attempts = ("MA712", "MA713", "MA714")
    with _without(whole_lab, "secure-apps", "default-deny", "allow-platform", "billing-api"):
        assert _attacked(whole_lab, attempts) == dict.fromkeys(attempts, "fail")
    assert _attacked(whole_lab, attempts) == dict.fromkeys(attempts, "pass")


def _attacked(lab: WholeLab, attempts: tuple[str, ...]) -> dict[str, str]:
    ran = lab.command("attack", "--only", *attempts, "--format", "json")
    # Beside them stands what applications answer their own callers, which without `allow-platform` find no DNS.
    return {item["id"]: item["status"] for item in json.loads(ran.stdout)["results"] if item["id"] in attempts}


@pytest.mark.long
def test_some_of_kubernetes_own_tests_pass(whole_lab: WholeLab) -> None:
    ran = whole_lab.command("netpol-conformance", "--short")
    assert ran.returncode == 0, f"{ran.stdout[-3000:]}\n{ran.stderr[-1000:]}"
    assert "of Kubernetes' own NetworkPolicy tests passed" in ran.stdout
