"""Encoder of `application/vnd.amazon.eventstream` messages.

The wire format is that of the AWS SDKs: total length, headers length, CRC-32 of those eight bytes,
headers, payload, CRC-32 of everything before it; all integers big-endian. The encoder
writes string headers (type 7) only, since CodeWhisperer uses no other type. There is no decoder on
purpose: the simulator must not share a misunderstanding of the format with the program it tests.
"""

import json
import struct
import zlib
from typing import Any

JSON = "application/json"

_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_STRING = 7


def encode(headers: dict[str, str], payload: bytes = b"") -> bytes:
    """Return one whole message with the headers in the given order."""
    block = b"".join(_header(name, value) for name, value in headers.items())
    prelude = _PRELUDE.pack(len(block) + len(payload) + 16, len(block))
    head = prelude + _CRC.pack(zlib.crc32(prelude)) + block + payload
    return head + _CRC.pack(zlib.crc32(head))


def event(event_type: str, payload: Any) -> bytes:
    """Return an event frame. `payload` is the union member itself, without a wrapper; it is encoded
    as JSON."""
    return encode(
        {":event-type": event_type, ":content-type": JSON, ":message-type": "event"},
        _json(payload),
    )


def exception(
    exception_type: str,
    message: str,
    reason: str | None = None,
    retry_after_milliseconds: int | None = None,
) -> bytes:
    """Return a modelled exception. It ends the stream. Members that are None are left out."""
    body = {
        "message": message,
        "reason": reason,
        "retryAfterMilliseconds": retry_after_milliseconds,
    }
    return encode(
        {
            ":exception-type": exception_type,
            ":content-type": JSON,
            ":message-type": "exception",
        },
        _json({name: value for name, value in body.items() if value is not None}),
    )


def error(code: str, message: str) -> bytes:
    """Return an unmodelled error, which has headers only. It ends the stream."""
    return encode({":message-type": "error", ":error-code": code, ":error-message": message})


def corrupt(frame: bytes, part: str) -> bytes:
    """Return `frame` with a wrong "prelude" or "message" checksum and everything else unchanged."""
    offset = {"prelude": 8, "message": len(frame) - 4}[part]
    return flip(frame, offset)


def flip(data: bytes, offset: int) -> bytes:
    """Return `data` with every bit of the byte at `offset` inverted."""
    return data[:offset] + bytes([data[offset] ^ 0xFF]) + data[offset + 1 :]


def _header(name: str, value: str) -> bytes:
    name_bytes, value_bytes = name.encode(), value.encode()
    return (
        bytes([len(name_bytes)])
        + name_bytes
        + struct.pack(">BH", _STRING, len(value_bytes))
        + value_bytes
    )


def _json(payload: Any) -> bytes:
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")  # half a surrogate pair becomes its escape
