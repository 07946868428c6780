"""The example billing-api: its programs as processes, and its one command on a lab."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.images import billing_api, node_js
from lab.progress import Silent
from tests import ROOT
from tests.whole_lab import WholeLab

EXAMPLE = ROOT / "examples" / "billing-api"
SECONDS = 10

Start = Callable[..., "Service"]


class Service:
    """One of the programs, on a free port of this machine."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        self.port = int(self.line(r"listens on 127\.0\.0\.1:(\d+), in plaintext"))

    def line(self, pattern: str) -> str:
        """Reads its output up to a line with this pattern, and gives the pattern's group."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(pattern, line):
                return found.group(found.lastindex or 0)
        raise AssertionError(f"it ended without a line with {pattern}")

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        connection.request(method, path, body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a program of the example out of files laid out as in its image."""
    modules = billing_api.ensure(Silent())
    shutil.copytree(EXAMPLE / "service", tmp_path / "service")
    shutil.copytree(EXAMPLE / "neighbours", tmp_path / "neighbours")
    (tmp_path / "service" / "node_modules").symlink_to(modules)
    node = str(node_js.find(Silent()).node)
    services: list[Service] = []

    def begin(script: str, **environment: str) -> Service:
        # The programs of frontend-ui and ledger take every address of their pod; here a line says where.
        command = [node, str(tmp_path / script)]
        services.append(Service(command, {"HOST": "127.0.0.1", "PORT": "0", **environment}))
        return services[-1]

    yield begin
    for service in services:
        service.process.kill()
        service.process.wait()
        if service.process.stdout is not None:
            service.process.stdout.close()


# The server has read these lines when it says that the body may come; from then on the request is under way.
BEGUN = b"POST /entries HTTP/1.1\r\nHost: ledger\r\nContent-Length: 40\r\nExpect: 100-continue\r\n\r\n"
BODY = b'{"account": "INV-7", "amount": "12.50"}\n'


def test_a_request_that_was_begun_before_sigterm_is_answered_and_the_service_ends_with_0(start: Start) -> None:
    service = start("neighbours/ledger.js")
    with socket.create_connection(("127.0.0.1", service.port), timeout=SECONDS) as begun:
        begun.sendall(BEGUN)
        assert begun.recv(100).startswith(b"HTTP/1.1 100 Continue")

        service.process.send_signal(signal.SIGTERM)
        service.line("SIGTERM: no new connections")
        with pytest.raises(ConnectionRefusedError):
            service.ask("GET", "/entries")
        begun.sendall(BODY)
        answer = http.client.HTTPResponse(begun)
        answer.begin()

        assert (answer.status, json.loads(answer.read())["amount"]) == (201, "12.50")
    assert service.process.wait(SECONDS) == 0


def test_a_connection_that_a_caller_keeps_for_later_does_not_hold_the_service_up(start: Start) -> None:
    service = start("service/server.js")
    kept = http.client.HTTPConnection("127.0.0.1", service.port, timeout=SECONDS)
    kept.request("GET", "/api/data")
    first = kept.getresponse()
    first.read()
    assert first.getheader("Connection") == "keep-alive"

    service.process.send_signal(signal.SIGTERM)

    # Node's own limit for an idle connection is 5 s.
    assert service.process.wait(4) == 0
    kept.close()


def test_a_request_that_never_ends_is_reported_with_exit_code_1(start: Start) -> None:
    service = start("neighbours/ledger.js", SHUTDOWN_LIMIT_MS="200")
    with socket.create_connection(("127.0.0.1", service.port), timeout=SECONDS) as stuck:
        stuck.sendall(BEGUN)
        assert stuck.recv(100).startswith(b"HTTP/1.1 100 Continue")

        service.process.send_signal(signal.SIGTERM)

        assert service.process.wait(SECONDS) == 1


def test_frontend_ui_passes_on_what_billing_api_answers_and_says_502_when_nobody_does(start: Start) -> None:
    billing = start("service/server.js")
    frontend = start("neighbours/frontend-ui.js", BILLING_URL=f"http://127.0.0.1:{billing.port}/api/data")

    assert frontend.ask("GET", "/data") == billing.ask("GET", "/api/data")
    billing.process.kill()
    billing.process.wait()
    status, text = frontend.ask("GET", "/data")

    assert status == 502
    assert text.startswith('{"error":"billing-api: ')


def test_the_ledger_keeps_an_entry_and_refuses_one_without_an_amount(start: Start) -> None:
    ledger = start("neighbours/ledger.js")

    kept = ledger.ask("POST", "/entries", '{"account": "INV-7", "amount": "12.50"}')
    refused = ledger.ask("POST", "/entries", '{"account": "INV-8"}')

    assert kept == (201, '{"id":2,"account":"INV-7","amount":"12.50"}\n')
    assert ledger.ask("GET", "/entries/2") == (200, kept[1])
    assert refused[0] == 400
    assert ledger.ask("GET", "/entries/3")[0] == 404
    assert ledger.ask("GET", "/health/ready") == (200, '{"status":"UP"}\n')


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_example_holds_on_a_lab(whole_lab: WholeLab) -> None:
    answer = whole_lab.command("example", "billing-api")

    assert answer.returncode == 0, answer.stdout[-3000:] + answer.stderr
    for line in (
        "ok: expected exit code 56, `HTTP 000`",
        "HTTP 200 lab-internet",
        "downstream_peer_uri_san: spiffe://cluster.local/ns/secure-apps/sa/inventory-job-sa",
        "ok: expected no request lost",
        "ok: expected requests lost",
        "ok: expected the sidecar drains first and ends last",
        "ok: expected nothing left",
    ):
        assert line in answer.stdout
    assert re.search(r"^== (\d+) of \1 expectations held$", answer.stdout, re.MULTILINE)
