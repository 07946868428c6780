"""An application scales with its load and back, on what the real metrics-server reads, and loses no request."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

from lab.commands.verification import prove
from lab.paths import STACK
from meshops.stack_settings import stack_settings
from meshops.verify.gather import autoscalers
from tests import ROOT
from tests.lab.load_balancer.test_load_balancers import address
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(600)

HOST, NAMESPACE, NAME = "account.lab.example.com", "secure-apps", "account-ui"
# Needs no token, and is no page: the application itself answers 404.
PATH, ANSWER = "/public/nothing", 404
CLIENTS = 4
# At most this long in either direction.
SECONDS = 150


def autoscaler(lab: WholeLab) -> tuple[int, int]:
    """How many pods there are, and how many it wants."""
    found = lab.get("hpa", NAME, f"--namespace={NAMESPACE}")
    return found["status"].get("currentReplicas", 0), found["status"].get("desiredReplicas", 0)


def ready(lab: WholeLab) -> int:
    return lab.get("deployment", NAME, f"--namespace={NAMESPACE}")["status"].get("readyReplicas", 0)


@contextmanager
def hasty(lab: WholeLab) -> Generator[None]:
    """What two cores can send is load to it, and it goes down without five minutes of quiet, while this lasts."""
    before = lab.get("hpa", NAME, f"--namespace={NAMESPACE}")["spec"]["metrics"]
    metrics = json.loads(json.dumps(before))
    metrics[0]["containerResource"]["target"]["averageUtilization"] = 12
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    _patch(lab, {"metrics": metrics, "behavior": behavior})
    try:
        yield
    finally:
        _patch(lab, {"metrics": before, "behavior": None})


def _patch(lab: WholeLab, spec: dict[str, Any]) -> None:
    where = ("hpa", NAME, f"--namespace={NAMESPACE}", "--type=merge")
    done = lab.tool("kubectl", "patch", *where, f"--patch={json.dumps({'spec': spec})}")
    assert done.returncode == 0, done.stderr


@contextmanager
def load(where: str, clients: int, pause: float) -> Generator[Counter[int | str]]:
    """Requests over the ALB, each client on a connection of its own that it keeps; what came back, when it is over."""
    stop, answers, lock = threading.Event(), Counter[int | str](), threading.Lock()
    threads = [threading.Thread(target=_client, args=(where, stop, pause, answers, lock)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _client(where: str, stop: threading.Event, pause: float, answers: Counter[int | str], lock: threading.Lock) -> None:
    # That the certificate is ACM's, MV103 shows.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(HOST, timeout=20, context=context)
    until = time.monotonic() + 2 * SECONDS
    while not stop.wait(pause) and time.monotonic() < until:
        try:
            if connection.sock is None:
                connection.sock = context.wrap_socket(
                    socket.create_connection((where, 443), timeout=20), server_hostname=HOST
                )
            connection.request("GET", PATH)
            response = connection.getresponse()
            response.read()
            said: int | str = response.status
        except (OSError, http.client.HTTPException) as problem:
            said = repr(problem)
            connection.close()
        with lock:
            answers[said] += 1


def eventually(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(2)
    return False


def test_load_brings_a_pod_more_and_quiet_takes_it_away_and_no_request_is_lost(whole_lab: WholeLab) -> None:
    where = address(whole_lab)
    assert ready(whole_lab) == 2
    with hasty(whole_lab):
        with load(where, CLIENTS, 0) as busy:
            grown = eventually(lambda: ready(whole_lab) == 3)
        with load(where, 1, 0.05) as quiet:
            shrunk = eventually(lambda: autoscaler(whole_lab) == (2, 2) and ready(whole_lab) == 2)
    assert grown, f"{autoscaler(whole_lab)} after {busy}"
    assert shrunk, f"{autoscaler(whole_lab)} after {quiet}"
    assert set(busy) == {ANSWER}
    assert set(quiet) == {ANSWER}
    assert sum(busy.values()) > 1000
    assert sum(quiet.values()) > 50


def test_without_the_metrics_api_no_autoscaler_acts_and_the_check_says_so(
    whole_lab: WholeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = ("apiservice", "v1beta1.metrics.k8s.io")
    before = whole_lab.get(*service)
    for field in ("managedFields", "resourceVersion", "uid", "creationTimestamp"):
        before["metadata"].pop(field, None)
    before.pop("status", None)

    def proved() -> str:
        report = prove(whole_lab.plane, stack_settings(ROOT, STACK), STACK, only=("MV632",))
        verdict = report.result("MV632").verdict
        return f"{verdict.status}: {verdict.finding}"

    assert proved().startswith("pass")
    assert whole_lab.tool("kubectl", "delete", *service).returncode == 0
    try:
        # Their controller looks every 15 s.
        time.sleep(20)
        with monkeypatch.context() as impatient:
            impatient.setattr(autoscalers, "_SETTLED_AFTER_SECONDS", 0)
            without = proved()
    finally:
        assert whole_lab.tool("kubectl", "create", "--filename=-", stdin=json.dumps(before)).returncode == 0
    assert without.startswith("fail")
    assert "FailedGetResourceMetric" in without or "FailedGetContainerResourceMetric" in without
    assert proved().startswith("pass")
