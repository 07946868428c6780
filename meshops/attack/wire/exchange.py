"""One task: a connection, the bytes that are sent over it, and what comes back. Nothing is interpreted here.

A task and an answer are JSON objects. Bytes are text in Latin-1: one character each.

task:   id; to, port; udp; seconds (until the first answer); quiet (seconds between its parts); keep (bytes of it);
        send: the parts, with numbers between them for pauses in seconds;
        tls: null, or sni (null for none), alpn, certificate (PEM with its key; `own` for the
        pod's identity), max (the newest version that is offered);
        grpc: path, authority, message, token: one call in place of `send`;
        resolve: a name to look up, in place of all that;
        certificate: whether the server's is wanted.
answer: id, connected, tls, alpn, received, certificate (PEM), ended (eof, reset, quiet, timeout), error.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from pathlib import Path
from typing import Any

from meshops.attack.wire import h2

TOKENS = Path("/var/run/secrets/meshops")
_SECONDS = 4.0
_QUIET_SECONDS = 0.6
_CALL_QUIET_SECONDS = 4.0
_KEEP = 4000


def perform(task: dict[str, Any]) -> dict[str, Any]:
    """The answer. Raises nothing: what went wrong is the answer."""
    answer: dict[str, Any] = {"id": task["id"], "connected": False, "received": "", "ended": "", "error": ""}
    try:
        if "resolve" in task:
            found = socket.getaddrinfo(task["resolve"], None, type=socket.SOCK_STREAM)
            answer |= {"connected": True, "received": " ".join(sorted({str(entry[4][0]) for entry in found}))}
        else:
            _converse(task, answer)
    except TimeoutError:
        answer |= {"ended": "timeout"}
    except OSError as problem:
        answer |= {"ended": "reset", "error": f"{type(problem).__name__}: {problem}"}
    except ValueError as problem:
        answer |= {"error": f"{type(problem).__name__}: {problem}"}
    return answer


def _converse(task: dict[str, Any], answer: dict[str, Any]) -> None:
    seconds = float(task.get("seconds", _SECONDS))
    kind = socket.SOCK_DGRAM if task.get("udp") else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in task["to"] else socket.AF_INET
    address = task["to"] if family == socket.AF_INET6 else socket.gethostbyname(task["to"])
    with socket.socket(family, kind) as plain:
        plain.settimeout(seconds)
        plain.connect((address, int(task["port"])))
        answer["connected"] = not task.get("udp")
        connection: socket.socket = plain
        if task.get("tls") is not None:
            connection = _secured(plain, task["tls"])
            answer |= {"tls": connection.version(), "alpn": connection.selected_alpn_protocol()}
            if task.get("certificate"):
                answer["certificate"] = ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True) or b"")
        with connection:
            _send(connection, task)
            _receive(connection, answer, task)


def _secured(plain: socket.socket, wanted: dict[str, Any]) -> ssl.SSLSocket:
    # An intruder believes any certificate.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if older := wanted.get("max"):
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion[older]
        context.set_ciphers("ALL:@SECLEVEL=0")
    if wanted.get("alpn"):
        context.set_alpn_protocols(wanted["alpn"])
    if pem := wanted.get("certificate"):
        # The module reads files only: this one is in memory and has no name.
        descriptor = os.memfd_create("certificate")
        try:
            os.write(descriptor, pem.encode())
            context.load_cert_chain(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
    return context.wrap_socket(plain, server_hostname=wanted.get("sni"))


def _send(connection: socket.socket, task: dict[str, Any]) -> None:
    if call := task.get("grpc"):
        connection.sendall(_call(call, secured=task.get("tls") is not None))
        return
    for part in task.get("send", ()):
        if isinstance(part, str):
            connection.sendall(part.encode("latin-1"))
        else:
            time.sleep(part)


def _call(call: dict[str, Any], *, secured: bool) -> bytes:
    headers = []
    if name := call.get("token"):
        headers.append(("authorization", f"Bearer {(TOKENS / name).read_text(encoding='ascii').strip()}"))
    return h2.grpc(
        call["path"],
        call["authority"],
        call["message"].encode("latin-1"),
        headers,
        scheme="https" if secured else "http",
    )


def _receive(connection: socket.socket, answer: dict[str, Any], task: dict[str, Any]) -> None:
    """Until the other side ends, or is quiet for a while after it has said something, or has said enough."""
    received, keep = b"", int(task.get("keep", _KEEP))
    try:
        # A call's first frames come at once, and its message when it is done.
        quiet = float(task.get("quiet", _CALL_QUIET_SECONDS if "grpc" in task else _QUIET_SECONDS))
        while len(received) < keep:
            part = connection.recv(65536)
            if not part:
                answer["ended"] = "eof"
                break
            answer["connected"] = True
            received += part
            connection.settimeout(quiet)
    except TimeoutError:
        answer["ended"] = "quiet" if received else "timeout"
    except OSError as problem:
        answer |= {"ended": "reset", "error": f"{type(problem).__name__}: {problem}"}
    finally:
        answer["received"] = received[:keep].decode("latin-1")
