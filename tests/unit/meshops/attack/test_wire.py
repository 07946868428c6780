"""The wire: what a pod runs is what runs here, and says every byte that it is told."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from meshops.attack import http
from meshops.attack.clients.pods import LONGEST, attack_pod, ended, packed, portions, printed
from meshops.attack.place import Place
from meshops.attack.wire import h2
from meshops.attack.wire.exchange import perform
from meshops.verify.calls import OUTSIDE, Client
from tests.unit.meshops.verify import world

ODD = "GET /\xff%00 HTTP/1.1\r\nHost: a\nb\r\n\r\n"


@pytest.fixture
def server() -> Iterator[tuple[int, list[bytes]]]:
    """Answers each connection with the same, and keeps what it was sent."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    heard.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], heard


def test_every_byte_arrives(server: tuple[int, list[bytes]]) -> None:
    port, heard = server
    answer = perform({"id": "x", "to": "127.0.0.1", "port": port, "send": [ODD]})

    assert heard == [ODD.encode("latin-1")]
    assert answer["received"].startswith("HTTP/1.1 204")
    assert (answer["connected"], answer["ended"]) == (True, "eof")


def test_a_refused_connection_is_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    assert "ConnectionRefused" in perform({"id": "x", "to": "127.0.0.1", "port": port})["error"]


def test_a_pod_runs_the_same_program(server: tuple[int, list[bytes]]) -> None:
    port, _ = server
    tasks = [{"id": str(number), "to": "127.0.0.1", "port": port, "send": [ODD]} for number in range(3)]
    pod = attack_pod("a", Place(client=OUTSIDE), tasks, run="r", images=world.stack().images)
    _, *arguments = pod["spec"]["containers"][0]["command"]

    output = subprocess.run([sys.executable, "-I", *arguments], capture_output=True, text=True, check=True, cwd="/")

    assert ended(output.stdout)
    assert sorted(printed(output.stdout)) == ["0", "1", "2"]


def test_what_is_long_is_cut_into_arguments() -> None:
    tasks = [{"id": str(number), "send": [f"{number}" * 50]} for number in range(4000)]
    parts = portions(tasks, longest=20_000)

    assert [task for part in parts for task in part] == tasks
    assert all(len(packed(part)) <= 20_000 for part in parts)
    assert LONGEST < 128 * 1024


def test_a_pod_has_the_tokens_it_asks_for_and_takes_no_traffic() -> None:
    place = Place(client=Client(namespace="shop", service_account="a"), tokens=("istio-ca", "kubernetes"))
    pod = attack_pod("a", place, [{"id": "x"}], run="r", images=world.stack().images)
    sources = next(item for item in pod["spec"]["volumes"] if item["name"] == "tokens")["projected"]["sources"]

    assert sources[0]["serviceAccountToken"]["audience"] == "istio-ca"
    assert "audience" not in sources[1]["serviceAccountToken"], "the API server's own"
    assert pod["spec"]["readinessGates"]


def test_http2_is_read_as_it_is_written() -> None:
    sent = h2.opening() + h2.request(((":method", "GET"), ("x" * 200, "y" * 300)), b"body")

    kinds = [kind for kind, _, _ in h2.frames(sent[len(h2.PREFACE) :])]
    assert kinds == [h2.SETTINGS, h2.HEADERS, h2.DATA]
    assert h2.body(sent[len(h2.PREFACE) :]) == b"body"
    assert h2.status(h2.frame(h2.HEADERS, 4, 1, b"\x88")) == 200
    # 502 and 403 as Envoy writes them, in Huffman's code; 502 plain; and one cut short.
    assert h2.status(h2.frame(h2.HEADERS, 4, 1, b"\x48\x82\x6c\x02")) == 502
    assert h2.status(h2.frame(h2.HEADERS, 4, 1, b"\x48\x83\x68\x0c\xff")) == 403
    assert h2.status(h2.frame(h2.HEADERS, 4, 1, b"\x08\x03502")) == 502
    assert h2.status(h2.frame(h2.HEADERS, 4, 1, b"\x48\x81\x6c")) == 1
    assert h2.field(1, b"a" * 200)[:3] == b"\x0a\xc8\x01"


def test_each_answer_of_a_connection_is_told_apart() -> None:
    text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 403 Forbidden\r\n\r\nno"

    assert [(item.status, item.body) for item in http.responses(text.encode())] == [(200, "ok"), (403, "no")]
    chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\n"
    assert [item.status for item in http.responses(chunked.encode())] == [200, 404]
    assert http.responses(b"SSH-2.0-x\r\n") == ()
