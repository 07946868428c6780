"""Requests byte by byte, and what can be read in an answer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from meshops.attack.wire import h2

Headers = Iterable[tuple[str, str]]
_INTERIM = (100, 102, 103)
"""https://www.rfc-editor.org/rfc/rfc9110#section-15.2; 101 is final: what follows it is no HTTP any more."""


def request(
    host: str,
    path: str = "/",
    *,
    method: str = "GET",
    version: str = "HTTP/1.1",
    headers: Headers = (),
    body: str = "",
    agent: str = "",
    close: bool = True,
) -> str:
    """A request in HTTP/1, exactly as it is put together here. host: empty for no Host header at all."""
    lines = [f"{method} {path} {version}"]
    lines += [f"Host: {host}"] if host else []
    lines += [f"User-Agent: {agent}"] if agent else []
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}"] if body else []
    lines += ["Connection: close"] if close else []
    return "\r\n".join((*lines, "", body))


def request_h2(
    host: str, path: str = "/", *, method: str = "GET", scheme: str = "http", headers: Headers = (), agent: str = ""
) -> str:
    """The same over HTTP/2, from the first byte of the connection."""
    fields = [(":method", method), (":scheme", scheme), (":path", path), (":authority", host)]
    fields += [("user-agent", agent)] if agent else []
    return (h2.opening() + h2.request((*fields, *headers))).decode("latin-1")


@dataclass(frozen=True, kw_only=True)
class Response:
    """status: 0 if this is no HTTP; 1 if it is one whose status was not read. body: all that came after its head."""

    status: int
    head: str = ""
    body: str = ""

    def header(self, name: str) -> str:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.strip().lower() == name:
                return value.strip()
        return ""


def responses(received: bytes) -> tuple[Response, ...]:
    """Each final answer of one connection, HTTP/1 or HTTP/2: a 100 (Continue) belongs to the one that follows it."""
    if received[3:4] == b"\x04" or received[3:4] == b"\x07":  # it begins with a frame SETTINGS or GOAWAY
        status = h2.status(received)
        return (Response(status=status, body=h2.body(received).decode("latin-1")),) if status else ()
    found = []
    text = received.decode("latin-1")
    while text.startswith("HTTP/1."):
        head, _, rest = text.partition("\r\n\r\n")
        code = head.split(" ", 2)[1:2]
        response = Response(status=int(code[0]) if code and code[0].isdigit() else 0, head=head)
        length = _length(response, rest)
        if response.status not in _INTERIM:
            found.append(Response(status=response.status, head=head, body=rest[:length]))
        text = rest[length:]
    return tuple(found)


def _length(response: Response, rest: str) -> int:
    """Of the body. What follows it belongs to the next answer."""
    if response.header("content-length").isdigit():
        return int(response.header("content-length"))
    if response.status // 100 == 1 or response.status in (204, 304):
        return 0
    if "chunked" in response.header("transfer-encoding").lower():
        end = rest.find("0\r\n\r\n")
        return end + 5 if end >= 0 else len(rest)
    return len(rest)


def statuses(received: bytes) -> Mapping[int, int]:
    """Status -> how many of the connection's answers had it."""
    counted: dict[int, int] = {}
    for response in responses(received):
        counted[response.status] = counted.get(response.status, 0) + 1
    return counted
