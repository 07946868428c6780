"""The internet's stand-in as a process: `python -m lab.cluster.internet_server ADDRESS DIRECTORY`.

It writes its authority's certificate and the bundle into DIRECTORY, waits until ADDRESS is an address of its network
namespace, and answers every request on ports 80 and 443 with a small JSON document, and so on 5432 of the private
service's own address. The authority's key and those of
its certificates stay in memory.
"""

from __future__ import annotations

import errno
import http.server
import json
import os
import socket
import ssl
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lab.cluster import issuer
from lab.cluster.certificates import Authority
from lab.cluster.internet import DATABASE_PORT, HTTP_PORT, HTTPS_PORT, NAME
from lab.cluster.network import PRIVATE_SERVICE
from lab.waiting import patiently

STAND_IN = "the lab's internet"
UNNAMED = "unnamed.internet.invalid"
"""The name on the certificate for a client that names no server."""
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_READABLE = 0o644
_KEPT_NAMES = 1000
_IDLE_SECONDS = 60
_ADDRESS_SECONDS = 60.0
_POLL_SECONDS = 0.01
_LONGEST_BODY = 16 * 1024**2


class Certificates:
    """A TLS context for each server name, made when it is first asked for."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._contexts: OrderedDict[str, ssl.SSLContext] = OrderedDict()
        self._lock = threading.Lock()
        self.listening = self._listening()
        """The context to begin a handshake with, before the client has named a server."""

    def context(self, name: str) -> ssl.SSLContext:
        """For a server of this name."""
        with self._lock:
            found = self._contexts.get(name) or self._make(name)
            self._contexts[name] = found
            self._contexts.move_to_end(name)
            if len(self._contexts) > _KEPT_NAMES:
                self._contexts.popitem(last=False)
            return found

    def _listening(self) -> ssl.SSLContext:
        context = self._make(UNNAMED)

        def named(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
            if name is not None:
                connection.context = self.context(name.lower())

        context.sni_callback = named
        return context

    def _make(self, name: str) -> ssl.SSLContext:
        # A common name has at most 64 characters; the whole name is where clients look for it.
        certificate, key = self._authority.sign(name[:64], names=[name], server=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # The module reads files only: this one is in memory and has no name.
        descriptor = os.memfd_create("certificate")
        try:
            os.write(descriptor, certificate + key)
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
        return context


class Handler(http.server.BaseHTTPRequestHandler):
    """Says of every request what it was."""

    protocol_version = "HTTP/1.1"
    server_version = "lab-internet"
    sys_version = ""
    published: Mapping[tuple[str, str], Mapping[str, Any]] = MappingProxyType({})
    """By host and path: what is answered with a document of its own."""
    timeout = _IDLE_SECONDS

    def setup(self) -> None:
        """The handshake, in the connection's own thread."""
        if isinstance(self.server, Server) and self.server.certificates is not None:
            self.request.settimeout(self.timeout)
            self.request = self.server.certificates.listening.wrap_socket(self.request, server_side=True)
        super().setup()

    def answer(self) -> None:
        """Any method, any path: 200."""
        self._drop_body()
        host, path = self.headers.get("Host", ""), self.path
        described = self.published.get((host, path)) or describe(self.command, path, host, self.client_address[0])
        body = (json.dumps(described) + "\n").encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """One line for each answer: whose, to which host, without the query, which may be confidential."""
        host = self.headers.get("Host", "-") if hasattr(self, "headers") else "-"
        path = getattr(self, "path", "-").partition("?")[0]
        print(f"{self.client_address[0]} {host} {getattr(self, 'command', '-')} {path}", flush=True)

    def _drop_body(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > _LONGEST_BODY:
            self.close_connection = True
        else:
            self.rfile.read(int(length))


for _method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"):
    setattr(Handler, f"do_{_method}", Handler.answer)


class Server(http.server.ThreadingHTTPServer):
    """HTTP, or HTTPS with `certificates`, on every address of this network namespace."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int, certificates: Certificates | None) -> None:
        self.certificates = certificates
        super().__init__((address, port), Handler)

    def server_bind(self) -> None:
        """Without the base class's look-up of the host's name, for which there is no resolver here."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away or does not trust the certificate is its own affair: one line."""
        host = client_address[0] if isinstance(client_address, tuple) else client_address
        print(f"{host} - {sys.exc_info()[1]!r}", flush=True)


def describe(method: str, path: str, host: str, client: str) -> dict[str, str]:
    """The answer's document."""
    return {
        "stand-in": STAND_IN,
        "host": host,
        "method": method,
        "path": path,
        "client": client,
    }


def write_bundle(target: Path, own: Path, system: tuple[str, ...] = SYSTEM_BUNDLES) -> None:
    """The machine's authorities, as far as it has a bundle of them, and `own`; readable by every user."""
    theirs = next((path.read_bytes() for name in system if (path := Path(name)).is_file()), b"")
    target.write_bytes(theirs.rstrip(b"\n") + b"\n" * bool(theirs) + own.read_bytes())
    target.chmod(_READABLE)
    own.chmod(_READABLE)


def await_address(address: str, seconds: float = _ADDRESS_SECONDS) -> None:
    """Returns when this namespace has the address. So the server never listens anywhere but in the lab."""
    problem = patiently(
        lambda: _unbindable(address),
        lambda problem: problem is None or problem.errno != errno.EADDRNOTAVAIL,
        seconds=seconds,
        pause=_POLL_SECONDS,
    )
    if problem is not None:
        raise problem


def _unbindable(address: str) -> OSError | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as problem:
            return problem
    return None


def main(address: str, directory: str) -> None:
    """Serves until it is stopped."""
    authority = Authority(Path(directory), NAME)
    write_bundle(Path(directory) / f"{NAME}-bundle.crt", authority.certificate)
    certificates = Certificates(authority)
    Handler.published = issuer.publish(Path(directory))
    await_address(address)
    # Every address of this namespace is a public one that the server plays.
    secure, plain = Server("0.0.0.0", HTTPS_PORT, certificates), Server("0.0.0.0", HTTP_PORT, None)
    # At its own address alone: nobody on the internet is a database.
    database = Server(PRIVATE_SERVICE, DATABASE_PORT, None)
    for server in (plain, database):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    secure.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
