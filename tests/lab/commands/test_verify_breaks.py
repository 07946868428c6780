"""Breaking any one thing on the running lab makes verify fail on the check that names it; restored, it passes again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from lab import paths
from lab.cluster import dns
from lab.cluster.control_plane import ControlPlane
from lab.commands.verification import prove
from lab.paths import STACK
from meshops.checks.exit_codes import exit_code
from meshops.checks.model import Report, Result
from meshops.stack_settings import stack_settings
from meshops.verify.facts import MANAGED_BY
from tests import ROOT
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(900)

_MANAGED = ("-A", f"--selector=app.kubernetes.io/managed-by={MANAGED_BY}")


def _verify(plane: ControlPlane, *only: str) -> Report:
    return prove(plane, stack_settings(ROOT, STACK), STACK, only=only)


def _finding(report: Report, id: str) -> str:
    verdict = report.result(id).verdict
    return " ".join((verdict.finding, *verdict.evidence))


def _failed(report: Report, id: str) -> Result:
    result = report.result(id)
    assert result.status == "fail", _finding(report, id)
    assert exit_code(report.results) == 1
    return result


@contextmanager
def _broken(lab: WholeLab, kind: str, name: str, namespace: str = "") -> Generator[dict[str, Any]]:
    """The object as it is; afterwards it stands again as it was, whatever was done to it."""
    where = ("--namespace", namespace) if namespace else ()
    before = lab.get(kind, name, *where)
    for field in ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"):
        before["metadata"].pop(field, None)
    before.pop("status", None)
    try:
        yield before
    finally:
        # Deleted or changed: replace --force brings back exactly this, except for a Namespace, which must stay.
        if kind == "namespace":
            labels = json.dumps({"metadata": {"labels": before["metadata"]["labels"]}})
            restored = lab.tool("kubectl", "patch", kind, name, "--type=merge", f"--patch={labels}")
        else:
            lab.tool("kubectl", "delete", kind, name, *where, "--ignore-not-found")
            restored = lab.tool("kubectl", "create", "--filename=-", stdin=json.dumps(before))
        assert restored.returncode == 0, restored.stderr


def _do(lab: WholeLab, *arguments: str, document: Mapping[str, Any] | None = None) -> None:
    done = lab.tool("kubectl", *arguments, stdin=None if document is None else json.dumps(document))
    assert done.returncode == 0, done.stderr


def test_on_the_lab_as_it_comes_up_every_check_passes(whole_lab: WholeLab) -> None:
    report = _verify(whole_lab.plane)
    wrong = [f"{r.status} {r.check.id}: {r.verdict.finding}" for r in report.results if r.status != "pass"]
    assert wrong == []
    assert exit_code(report.results) == 0


def test_a_run_leaves_nothing_behind(whole_lab: WholeLab) -> None:
    _verify(whole_lab.plane, "MV303")
    pods = whole_lab.get("pods", *_MANAGED)["items"]
    assert [pod["metadata"]["name"] for pod in pods if "deletionTimestamp" not in pod["metadata"]] == []
    namespaces = whole_lab.get("namespaces", _MANAGED[1])["items"]
    assert [item["status"]["phase"] for item in namespaces if item["status"]["phase"] != "Terminating"] == []


def test_without_the_peer_authentication_its_check_fails_and_so_does_the_whole_run(whole_lab: WholeLab) -> None:
    with _broken(whole_lab, "peerauthentication", "default", "istio-system"):
        _do(whole_lab, "delete", "peerauthentication", "default", "--namespace=istio-system")
        report = _verify(whole_lab.plane)
    _failed(report, "MV606")
    assert "PeerAuthentication istio-system/default: it does not exist" in _finding(report, "MV606")
    # Not only the document: plaintext really gets in.
    _failed(report, "MV303")
    assert "plaintext got HTTP" in _finding(report, "MV303")
    assert _verify(whole_lab.plane, "MV606").passed


def test_a_destination_rule_without_tls_fails_its_check(whole_lab: WholeLab) -> None:
    rule = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "loose", "namespace": "secure-apps"},
        "spec": {
            "host": "billing-api.secure-apps.svc.cluster.local",
            "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 9}}},
        },
    }
    _do(whole_lab, "create", "--filename=-", document=rule)
    try:
        report = _verify(whole_lab.plane, "MV605")
    finally:
        _do(whole_lab, "delete", "destinationrule", "loose", "--namespace=secure-apps")
    found = _failed(report, "MV605").verdict.finding
    assert "DestinationRule secure-apps/loose" in found
    assert "trafficPolicy.tls.mode" in found
    assert _verify(whole_lab.plane, "MV605").passed


def test_a_namespace_that_was_relabelled_fails_its_check(whole_lab: WholeLab) -> None:
    with _broken(whole_lab, "namespace", "payments"):
        _do(whole_lab, "label", "namespace", "payments", "istio.io/rev=another", "--overwrite")
        report = _verify(whole_lab.plane, "MV607")
    assert "namespace payments: istio.io/rev is another, not 1-31-1" in _failed(report, "MV607").verdict.finding
    assert _verify(whole_lab.plane, "MV607").passed


def test_without_an_authorization_policy_its_check_fails_by_name(whole_lab: WholeLab) -> None:
    with _broken(whole_lab, "authorizationpolicy", "billing-api", "secure-apps"):
        _do(whole_lab, "delete", "authorizationpolicy", "billing-api", "--namespace=secure-apps")
        report = _verify(whole_lab.plane, "MV401", "MV608")
    found = _failed(report, "MV608").verdict.finding
    assert found == "AuthorizationPolicy secure-apps/billing-api: it does not exist"
    # Nobody may call it now: the declared caller is refused too.
    assert "frontend-ui: GET /api/data of secure-apps/billing-api: HTTP 403" in _finding(report, "MV401")
    assert _verify(whole_lab.plane, "MV608").passed


def test_a_host_that_leads_elsewhere_fails_its_checks(whole_lab: WholeLab) -> None:
    with _broken(whole_lab, "virtualservice", "frontend-ui", "secure-apps") as before:
        route = json.loads(json.dumps(before["spec"]["http"]))
        route[0]["route"][0]["destination"]["host"] = "ledger.payments.svc.cluster.local"
        patch = json.dumps({"spec": {"http": route}})
        _do(
            whole_lab, "patch", "virtualservice", "frontend-ui", "--namespace=secure-apps", "--type=merge",
            f"--patch={patch}",
        )  # fmt: skip
        report = _verify(whole_lab.plane, "MV205", "MV609")
    found = _failed(report, "MV609").verdict.finding
    assert found.startswith("VirtualService secure-apps/frontend-ui: spec.http[0].route[0].destination.host is")
    # Not only the document: the request really goes elsewhere.
    _failed(report, "MV205")
    assert _verify(whole_lab.plane, "MV609").passed


def test_a_resolver_that_looks_up_every_name_fails_its_check(whole_lab: WholeLab) -> None:
    coredns = ("deployment/coredns", "--namespace=kube-system")
    before = whole_lab.get("configmap", "coredns", "--namespace=kube-system")["data"]["Corefile"]

    def configure(corefile: str) -> None:
        patch = json.dumps({"data": {"Corefile": corefile}})
        _do(whole_lab, "patch", "configmap", "coredns", "--namespace=kube-system", f"--patch={patch}")
        _do(whole_lab, "rollout", "restart", *coredns)  # CoreDNS reads it once
        _do(whole_lab, "rollout", "status", *coredns, "--timeout=90s")

    try:
        configure(dns.corefile(None))
        report = _verify(whole_lab.plane, "MV502", "MV503")
    finally:
        configure(before)
    assert "example.org: its name resolves" in _failed(report, "MV503").verdict.finding
    # To connect is another wall's business, and that one stands.
    assert report.result("MV502").status == "pass", _finding(report, "MV502")
    assert _verify(whole_lab.plane, "MV503").passed


def test_a_rule_for_a_host_that_does_not_exist_fails_istios_own_analysis(whole_lab: WholeLab) -> None:
    rule = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "astray", "namespace": "payments"},
        "spec": {
            "host": "nobody.payments.svc.cluster.local",
            "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}},
        },
    }
    _do(whole_lab, "create", "--filename=-", document=rule)
    try:
        report = _verify(whole_lab.plane, "MV605", "MV619")
    finally:
        _do(whole_lab, "delete", "destinationrule", "astray", "--namespace=payments")
    assert report.result("MV605").status == "pass"
    found = _failed(report, "MV619").verdict
    assert found.finding.startswith("Warning IST0174 DestinationRule payments/astray: The host nobody.payments.svc")
    # The program's own rules get the same warning, and there it is known to be no defect.
    assert "ok: Warning IST0174 DestinationRule istio-system/mesh-mutual-tls is understood" in " ".join(found.evidence)
    assert _verify(whole_lab.plane, "MV619").passed


def test_the_command_prints_its_text_and_exits_by_its_verdict(whole_lab: WholeLab) -> None:
    plane = whole_lab.plane
    finished = subprocess.run(
        [
            sys.executable, "-m", "meshops", "verify", f"--stack={STACK}", f"--kubeconfig={plane.kubeconfig}",
            f"--kubectl={plane.toolchain.bin('kubectl')}", "--only", "MV605", "MV608",
        ],
        cwd=ROOT, env={**os.environ, paths.STATE_VARIABLE: "nowhere"}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    lines = finished.stdout.splitlines()
    assert lines[0] == "Verify of stack lab, cluster mesh-lab"
    assert [line[:11] for line in lines if line.startswith("PASS")] == ["PASS  MV605", "PASS  MV608"]
    assert lines[-1].startswith("2 passed, 0 failed, 0 unknown, in ")
