"""The short form of `make bench-mesh`: bare hops that are real, and every table of a whole lab."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.costs import bare, layers
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(900)


class _Application(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Nowhere."""


@pytest.fixture
def hops(tmp_path: Path) -> Iterator[bare.Bare]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with bare.running(tmp_path, ("127.0.0.1", server.server_address[1])) as found:
        yield found
    server.shutdown()


def _curl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "10", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_bare_hops_lead_to_the_application_and_the_last_one_takes_a_certificate_only(hops: bare.Bare) -> None:
    name = f"{bare.NAME}:{bare.SIDECAR}"
    trusting = ("--cacert", str(hops.authority))
    port = hops.whole_way.removesuffix("/").rpartition(":")[2]

    assert _curl(hops.pod_to_pod).stdout == "ok"
    assert _curl(*trusting, "--resolve", f"{bare.NAME}:{port}:127.0.0.1", hops.whole_way).stdout == "ok"
    refused = _curl(*trusting, "--resolve", f"{name}:127.0.0.1", f"https://{name}/")
    assert refused.returncode != 0, "then the bare hop would do less than a sidecar does"
    assert refused.stdout == ""


def test_each_layer_is_measured_beside_bare_hops(whole_lab: WholeLab) -> None:
    ran = whole_lab.command("costs", "--tables", "layers", "--seconds", "2")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    print(ran.stdout)
    for way in (layers.WITHOUT, layers.BARE_POD, layers.POD, layers.BARE_ALL, layers.ALL):
        [row] = [line for line in ran.stdout.splitlines() if line.startswith(way)]
        assert row.count(" ms at ") == len(layers.RATES), row
        assert "lost" not in row


@pytest.mark.long
def test_records_and_policies_are_taken_away_one_after_the_other(whole_lab: WholeLab) -> None:
    ran = whole_lab.command("costs", "--tables", "parts", "--seconds", "2")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    print(ran.stdout)
    rows = [line for line in ran.stdout.splitlines() if " ms at " in line]
    assert len(rows) == 5
    assert all(row.count(" ms at ") == 2 and "lost" not in row for row in rows), ran.stdout
    left = whole_lab.tool("kubectl", "get", "telemetry", "--all-namespaces", "--output=name")
    assert "lab-costs" not in left.stdout


def test_with_its_own_sidecar_a_proxy_is_told_of_few_services_however_many_there_are(whole_lab: WholeLab) -> None:
    ran = whole_lab.command("costs", "--tables", "services", "--services", "10,200")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    print(ran.stdout)
    ten, many = (
        [cell.strip() for cell in line.split("  ") if cell] for line in ran.stdout.splitlines() if "KiB" in line
    )
    assert ten[1] == many[1], "what the program's Sidecar tells grows with none of them"
    assert _kib(many[2]) > 2 * _kib(ten[2]) > 0, "and whoever is told of all is told more"
    assert whole_lab.tool("kubectl", "get", "namespace", "lab-costs").returncode != 0


def _kib(cell: str) -> int:
    return int(cell.split()[0])
