"""The real CoreDNS by itself, with the lab's list of names: what it looks up, and what does not exist."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from lab.build.toolchain_files import Toolchain
from lab.cluster import dns
from lab.paths import STACK
from meshops.attack.catalogue.egress import query
from meshops.stack_settings import stack_settings
from tests import ROOT

A, AAAA, TXT, HTTPS = 1, 28, 16, 65
NO_ERROR, NO_SUCH_NAME = 0, 3
_SECONDS = 20.0


@pytest.fixture(scope="module")
def port(toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a CoreDNS with that part of the lab's configuration which is not about the cluster."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    corefile = dns.corefile(dns.firewall(stack_settings(ROOT, STACK)))
    rest = corefile[corefile.index(f".:{dns.PORT} {{") :]
    path = tmp_path_factory.mktemp("dns") / "Corefile"
    path.write_text(rest.replace(f".:{dns.PORT}", f".:{port}", 1), encoding="utf-8")
    command = [str(toolchain.bin("coredns")), "-conf", str(path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _await(port)
            yield port
        finally:
            process.kill()


def _await(port: int) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(ConnectionRefusedError, TimeoutError):
            _ask(port, "api.stripe.com", A)
            return
        time.sleep(0.1)
    raise AssertionError("CoreDNS does not answer")


def _ask(port: int, name: str, kind: int) -> tuple[int, int]:
    """The code of the response, and how many records answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(2.0)
        connection.connect(("127.0.0.1", port))
        connection.send(query(name, kind).encode("latin-1"))
        answer = connection.recv(4096)
    return answer[3] & 0x0F, int.from_bytes(answer[6:8], "big")


@pytest.mark.parametrize(
    "name",
    [
        "api.stripe.com",
        "API.Stripe.com",
        "rates.example.net",
        "login.example.net",
        "xray.eu-west-1.amazonaws.com",
        "602401143452.dkr.ecr.eu-west-1.amazonaws.com",
        "cdn01.quay.io",
    ],
)
def test_a_name_of_the_list_has_an_address_and_nothing_else(port: int, name: str) -> None:
    assert _ask(port, name, A) == (NO_ERROR, 1)
    assert {_ask(port, name, kind) for kind in (AAAA, TXT, HTTPS)} == {(NO_ERROR, 0)}


@pytest.mark.parametrize(
    "name",
    [
        "example.org",
        "jfxxk2lo.exfiltration.example.org",
        "jfxxk2lo.api.stripe.com",
        "api-stripe.com",
        "apixstripe.com",
        "stripe.com",
        "evilquay.io",
        "api.stripe.com.example.org",
        "dkr.ecr.eu-west-1.amazonaws.com",
        "billing-api.secure-apps.svc",
        "1.2.3.4.in-addr.arpa",
        "com",
    ],
)
def test_any_other_name_does_not_exist_of_whatever_kind(port: int, name: str) -> None:
    assert {_ask(port, name, kind) for kind in (A, AAAA, TXT, HTTPS)} == {(NO_SUCH_NAME, 0)}
