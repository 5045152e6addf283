"""The encoder of the event stream, for tests: written from the format, not from the decoder."""

import json
import struct
import zlib
from typing import Any, NamedTuple


class Typed(NamedTuple):
    """A header value with the wire type it is to have."""

    type: int
    value: Any


_WIDTHS = {2: ">b", 3: ">h", 4: ">i", 5: ">q", 8: ">q"}


def header(name: str | bytes, value: str | Typed) -> bytes:
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
    """A whole message around a header block that may be anything."""
    total = len(headers) + len(payload) + 16
    start = struct.pack(">II", total, len(headers))
    body = start + struct.pack(">I", zlib.crc32(start)) + headers + payload
    return body + struct.pack(">I", zlib.crc32(body))


def frame(headers: dict[str, Any], payload: bytes = b"") -> bytes:
    return message(b"".join(header(name, value) for name, value in headers.items()), payload)


def event(name: str, payload: Any) -> bytes:
    """An event as the service sends it; ``payload`` is bytes, or becomes JSON."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return frame(
        {":event-type": name, ":content-type": "application/json", ":message-type": "event"}, raw
    )


def exception(name: str, payload: Any) -> bytes:
    """A modelled error inside the stream."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return frame({":exception-type": name, ":message-type": "exception"}, raw)


def error(code: str, text: str) -> bytes:
    """An unmodelled error: all of it in the headers."""
    return frame({":error-code": code, ":error-message": text, ":message-type": "error"})
