"""Generated spellings of paths, hosts and header fields. The same seed gives the same ones, and none twice. Pure.

A path is taken apart into segments; between and inside of them stand what parsers of different hands read differently:
dots, slashes and their encodings, parameters, capitals, fragments, absolute URIs (RFC 3986; RFC 9112, 3.2).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

_SLASHES = ("/", "/", "/", "//", "/./", "%2f", "%2F", "\\", "%5c", "/;/", "/.;/", "%252f", "/%2e/", "///", "/x/../")
_UPS = ("..", "%2e%2e", ".%2e", "%2E.", "..;", "..%00", "%252e%252e", "..;x=y", "...", "%c0%ae%c0%ae", "..%09", "..%20")
_ENDS = (
    "",
    "",
    "",
    "/",
    "/.",
    "//",
    ";",
    ";a=b",
    "?",
    "?a=b",
    "#",
    "#/x",
    "%20",
    "%00",
    ".json",
    "%3f",
    "%23",
    "/..;/",
    "%0a",
)
_METHODS = ("GET", "GET", "GET", "GET", "HEAD", "OPTIONS", "get", "TRACE", "PROPFIND")
_NAMES = (
    "X-Forwarded-Client-Cert", "x-envoy-original-path", "x-envoy-original-dst-host", "X-Original-URL", "X-Rewrite-URL",
    "X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-User", "X-Real-IP", "Forwarded", "Via",
    "x-envoy-internal", "x-envoy-external-address", "x-envoy-decorator-operation", "x-envoy-peer-metadata-id",
    "X-HTTP-Method-Override", "X-Spiffe-Id", "Authorization", "Connection", "Upgrade", "TE", "Expect",
    "Proxy-Connection",
)  # fmt: skip
_TRIES = 200


def paths(path: str, count: int, seed: int) -> tuple[str, ...]:
    """Ways to write `path`, from another one or from nowhere."""
    return _distinct(lambda draw: _path(path, draw), count, seed)


def climbs(inside: str, outside: str, count: int, seed: int) -> tuple[str, ...]:
    """Ways from below `inside` to `outside`."""
    return _distinct(lambda draw: _climb(inside, outside, draw), count, seed)


def hosts(public: str, internal: str, count: int, seed: int) -> tuple[str, ...]:
    """What may stand for Host and name `internal` to one reader and `public` to another."""
    return _distinct(lambda draw: _host(public, internal, draw), count, seed)


def fields(identity: str, path: str, host: str, draw: random.Random) -> tuple[tuple[str, str], ...]:
    """Up to four header fields that say who one is or where one wanted to go."""
    values = (
        f"By=spiffe://x;Hash=0;URI=spiffe://{identity}",
        path,
        host,
        "127.0.0.1",
        "GET",
        "true",
        f"Bearer {identity}",
    )
    return tuple((_cased(draw.choice(_NAMES), draw), draw.choice(values)) for _ in range(draw.randrange(5)))


def method(draw: random.Random) -> str:
    return draw.choice(_METHODS)


def draws(seed: int) -> Iterator[random.Random]:
    """One source after the other, each of its own."""
    number = 0
    while True:
        yield random.Random(f"{seed}/{number}")
        number += 1


def _distinct(make: Callable[[random.Random], str], count: int, seed: int) -> tuple[str, ...]:
    found: dict[str, None] = {}
    draw = random.Random(seed)
    for _ in range(count * _TRIES):
        if len(found) == count:
            break
        found.setdefault(make(draw))
    return tuple(found)


def _path(path: str, draw: random.Random) -> str:
    segments = [_segment(item, draw) for item in path.strip("/").split("/")]
    if draw.random() < 0.3:
        segments = [draw.choice(("x", "healthz", "public", "%2e")), draw.choice(_UPS), *segments]
    text = "/" + "".join(f"{item}{draw.choice(_SLASHES)}" for item in segments[:-1]) + segments[-1]
    if draw.random() < 0.2:
        text = draw.choice(("/", "/.", "//x/..", "/%2e", "http://a", "*", "/\\")) + text
    return _sendable(text + draw.choice(_ENDS))


def _climb(inside: str, outside: str, draw: random.Random) -> str:
    up = "".join(f"{draw.choice(_SLASHES)}{draw.choice(_UPS)}" for _ in range(draw.randrange(1, 5)))
    down = "".join(f"{draw.choice(_SLASHES)}{_segment(item, draw)}" for item in outside.strip("/").split("/"))
    return _sendable(f"{inside}{draw.choice(('', '', ';', '/', '%3f', '/x', '?', '#'))}{up}{down}{draw.choice(_ENDS)}")


def _segment(text: str, draw: random.Random) -> str:
    choice = draw.random()
    if choice < 0.5 or not text:
        return text
    position = draw.randrange(len(text))
    letter = text[position]
    spelled = {
        0: f"%{ord(letter):02x}",
        1: f"%{ord(letter):02X}",
        2: f"%25{ord(letter):02x}",
        3: letter.swapcase(),
        4: f"{letter}%00",
        5: f";v=1{letter}",
        6: f"%u00{ord(letter):02x}",
        7: f"\t{letter}",
    }[draw.randrange(8)]
    return f"{text[:position]}{spelled}{text[position + 1 :]}"


def _host(public: str, internal: str, draw: random.Random) -> str:
    first, second = draw.sample((public, internal, "localhost", "127.0.0.1", "[::1]", ""), 2)
    joined = draw.choice(
        ("", ":", ":443", ":80@", "@", ".", "..", " ", ",", "\t", "#", "?", "/", ":443/", "%00", "%2e", "\\")
    )
    text = (
        f"{_cased(first, draw)}{joined}{second if draw.random() < 0.6 else ''}{draw.choice(('', '', '.', ':443', ':'))}"
    )
    return _sendable(text) or "."


def _cased(text: str, draw: random.Random) -> str:
    if draw.random() < 0.6:
        return text
    return "".join(letter.upper() if draw.random() < 0.3 else letter for letter in text)


def _sendable(text: str) -> str:
    """Without line ends: what splits a request is the smuggling attempts' business."""
    return text.replace("\r", "").replace("\n", "")
