"""The server that plays everything beyond the node, on this machine's loopback interface."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.cluster.certificates import Authority
from lab.cluster.internet_server import Certificates, Server, await_address, write_bundle

LOOPBACK = "127.0.0.1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "internet")


@pytest.fixture(scope="module")
def secure(authority: Authority) -> Iterator[int]:
    """The port of the HTTPS server."""
    yield from _serve(Server(LOOPBACK, 0, Certificates(authority)))


@pytest.fixture(scope="module")
def plain() -> Iterator[int]:
    """The port of the HTTP server."""
    yield from _serve(Server(LOOPBACK, 0, None))


def _serve(server: Server) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def _handshake(port: int, name: str | None, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection((LOOPBACK, port), timeout=5), server_hostname=name)


def _trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.certificate))


@pytest.mark.parametrize("name", ["api.stripe.com", "API.Stripe.com", "a" * 60 + ".very-long.example.com"])
def test_any_name_has_a_certificate_of_the_internets_authority(secure: int, authority: Authority, name: str) -> None:
    with _handshake(secure, name, _trusting(authority)) as connection:
        assert connection.version() == "TLSv1.3"


def test_nobody_else_trusts_it(secure: int) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(secure, "api.stripe.com", ssl.create_default_context())


def test_a_client_that_names_no_server_is_answered_too(secure: int) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with _handshake(secure, None, context) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: somewhere\r\nConnection: close\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_answer_says_what_it_is_and_what_was_asked(plain: int, method: str) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, plain, timeout=5)
    connection.request(method, "/v1/charges?limit=1", body=b"amount=1", headers={"Host": "api.stripe.com"})
    response = connection.getresponse()
    document = json.loads(response.read())
    connection.close()

    assert response.status == 200
    assert document == {
        "stand-in": "the lab's internet",
        "host": "api.stripe.com",
        "method": method,
        "path": "/v1/charges?limit=1",
        "client": LOOPBACK,
    }


def test_one_connection_carries_several_requests_with_bodies(plain: int) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, plain, timeout=5)
    paths = []
    for number in range(3):
        connection.request("POST", f"/{number}", body=b"x" * 5000)
        paths.append(json.loads(connection.getresponse().read())["path"])
    connection.close()

    assert paths == ["/0", "/1", "/2"]


def test_the_log_has_no_query_and_no_body(plain: int, capfd: pytest.CaptureFixture[str]) -> None:
    connection = http.client.HTTPConnection(LOOPBACK, plain, timeout=5)
    connection.request("POST", "/login?password=hunter2", body=b"token=hunter3", headers={"Host": "example.com"})
    connection.getresponse().read()
    connection.close()
    said = capfd.readouterr().out

    assert f"{LOOPBACK} example.com POST /login\n" in said
    assert "hunter" not in said


def test_the_authoritys_key_is_in_no_file(authority: Authority, secure: int) -> None:
    with _handshake(secure, "one.example.com", _trusting(authority)):
        files = list(authority.certificate.parent.iterdir())

    assert files == [authority.certificate]


def test_the_bundle_has_the_machines_authorities_and_this_one_and_every_user_may_read_it(
    authority: Authority, tmp_path: Path
) -> None:
    system, bundle = tmp_path / "system.crt", tmp_path / "bundle.crt"
    system.write_text("the machine's\n", encoding="utf-8")

    write_bundle(bundle, authority.certificate, (str(tmp_path / "absent"), str(system)))

    assert bundle.read_text(encoding="utf-8") == "the machine's\n" + authority.certificate.read_text(encoding="utf-8")
    assert (bundle.stat().st_mode & 0o777, authority.certificate.stat().st_mode & 0o777) == (0o644, 0o644)


def test_it_does_not_listen_in_a_namespace_that_is_not_its_own() -> None:
    with pytest.raises(OSError, match="Cannot assign requested address"):
        await_address("203.0.113.7", seconds=0)
