"""An encoder of event-stream messages for tests, written from the format, not from the decoder."""

import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple


class Typed(NamedTuple):
    """A header value and its wire type."""

    type: int
    value: Any


_WIDTHS = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}


def header(name: str | bytes, value: str | Typed) -> bytes:
    """Return one header; a ``str`` value gets the type string."""
    kind, content = value if isinstance(value, Typed) else (7, value)
    raw = name.encode() if isinstance(name, str) else name
    return bytes([len(raw)]) + raw + bytes([kind]) + _value(kind, content)


def _value(kind: int, value: Any) -> bytes:
    if kind in (0, 1):
        return b""
    if kind in _WIDTHS:
        return struct.pack(_WIDTHS[kind], value)
    raw = value.encode() if isinstance(value, str) else value
    return raw if kind == 9 else struct.pack(">H", len(raw)) + raw


def message(headers: bytes, payload: bytes) -> bytes:
    """Return a message with correct checksums around any bytes as its header block."""
    total = len(headers) + len(payload) + 16
    start = struct.pack(">II", total, len(headers))
    body = start + struct.pack(">I", zlib.crc32(start)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def frame(headers: Mapping[str, str | Typed], payload: bytes = b"") -> bytes:
    """Return a message with these headers."""
    return message(b"".join(header(name, value) for name, value in headers.items()), payload)


def event(name: str, payload: Any) -> bytes:
    """Return an event; a ``payload`` that is not bytes is encoded as JSON."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return frame(
        {":event-type": name, ":content-type": "application/json", ":message-type": "event"}, raw
    )


def exception(name: str, payload: Any) -> bytes:
    """Return a modelled exception."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return frame({":exception-type": name, ":message-type": "exception"}, raw)


def error(code: str, text: str) -> bytes:
    """Return an unmodelled error, which has headers only."""
    return frame({":error-code": code, ":error-message": text, ":message-type": "error"})
