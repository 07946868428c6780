"""HTTP/2 by hand, so that a request may say what no client library would: RFC 9113, and RFC 7541 without Huffman."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS = 1, 4
_FRAME_HEAD = 9
# RFC 7541, appendix A: the only statuses with an index of their own.
_STATUS = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}


def opening() -> bytes:
    """What every client sends first."""
    return PREFACE + frame(SETTINGS, 0, 0, b"")


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def request(headers: Iterable[tuple[str, str]], body: bytes = b"", *, stream: int = 1, end: bool = True) -> bytes:
    """HEADERS, and DATA if there is a body. end: the stream is closed on this side; gRPC streams stay open."""
    flags = _END_HEADERS | (_END_STREAM if end and not body else 0)
    block = b"".join(_literal(name) + _literal(value, first=False) for name, value in headers)
    frames = frame(HEADERS, flags, stream, block)
    return frames + frame(DATA, _END_STREAM if end else 0, stream, body) if body else frames


def grpc(path: str, authority: str, message: bytes, headers: Iterable[tuple[str, str]] = (), *, scheme: str) -> bytes:
    """One message on a gRPC stream, from the first byte of the connection."""
    fields = [
        (":method", "POST"),
        (":scheme", scheme),
        (":path", path),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        *headers,
    ]
    return opening() + request(fields, b"\0" + struct.pack(">I", len(message)) + message, end=False)


def frames(received: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(kind, stream, payload) of each whole frame."""
    position = 0
    while len(received) - position >= _FRAME_HEAD:
        length = int.from_bytes(received[position : position + 3], "big")
        kind, _, stream = struct.unpack(">BBI", received[position + 3 : position + _FRAME_HEAD])
        position += _FRAME_HEAD
        if len(received) - position < length:
            return
        yield kind, stream & 0x7FFFFFFF, received[position : position + length]
        position += length


def body(received: bytes) -> bytes:
    """All DATA, in the order in which it came."""
    return b"".join(payload for kind, _, payload in frames(received) if kind == DATA)


def status(received: bytes) -> int:
    """Of the first answer; 0 without one, and 1 for one that is not written as servers write it."""
    for kind, _, payload in frames(received):
        if kind == HEADERS and payload:
            # A change of the table's size may come before the first field.
            block = payload[1:] if payload[0] & 0xE0 == 0x20 else payload
            if not block:
                return 0
            # 8 is `:status` in the static table, here with a value of its own: to be indexed, not to be, or never.
            return _digits(block[1:]) if block[0] in (0x48, 0x08, 0x18) else _STATUS.get(block[0], 1)
    return 0


def _digits(value: bytes) -> int:
    """A text of digits, plain or in Huffman's code (RFC 7541, appendix B: 0 to 2 have five bits, 3 to 9 six)."""
    length = value[0] & 0x7F if value else 0
    raw = value[1 : 1 + length]
    if not value or not value[0] & 0x80:
        return int(raw) if raw.isdigit() else 1
    bits, found = "".join(f"{byte:08b}" for byte in raw), ""
    while len(found) < 3 and len(bits) >= 5:
        short = int(bits[:5], 2) < 3
        code, bits = (int(bits[:5], 2), bits[5:]) if short else (int(bits[:6], 2) - 0x19 + 3, bits[6:])
        if not 0 <= code <= 9:
            return 1
        found += str(code)
    return int(found) if len(found) == 3 else 1


def field(number: int, value: bytes | int) -> bytes:
    """One field of a protobuf message: bytes (text, message) or a number."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _literal(text: str, *, first: bool = True) -> bytes:
    """A name or a value; before a name stands that the field is literal and not indexed."""
    raw = text.encode("latin-1")
    return (b"\0" if first else b"") + _prefixed(len(raw)) + raw


def _prefixed(length: int) -> bytes:
    """An integer with a prefix of seven bits (RFC 7541, 5.1)."""
    if length < 0x7F:
        return bytes((length,))
    return b"\x7f" + _varint(length - 0x7F)
