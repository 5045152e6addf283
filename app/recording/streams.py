"""The streams of an exchange, scrubbed: the upstream's frames and the client's server-sent events.

A frame is written so that people can read it, as its headers and its payload, and made again from
them (:func:`encoded`), with lengths and checksums of its own, since its texts are others.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

import msgspec

from app.eventstream.frames import Frame, FrameDecoder, FrameError

from .exchange import Timed
from .scrub import Scrubber

_LENGTHS = struct.Struct(">II")
_CHECKSUM = struct.Struct(">I")
_AROUND = 16  # bytes of a frame that are neither headers nor payload
_TEXT = 7  # the type of a header that is text, as all of the service's are


def frames(reads: Iterable[Timed], scrubber: Scrubber) -> list[dict[str, Any]]:
    """``{"at": milliseconds, "headers": {...}, "payload": ...}`` for each whole frame, at the time
    of the read that completed it; then ``{"at": ..., "unreadable": bytes}`` for what is no frame.
    """
    whole, rest, last = _decoded(reads)
    payloads = _scrubbed([_json(frame.payload) for _, frame in whole], scrubber)
    found: list[dict[str, Any]] = [
        {"at": _milliseconds(at), "headers": dict(frame.headers), "payload": payload}
        for (at, frame), payload in zip(whole, payloads, strict=True)
    ]
    if rest:
        found.append({"at": _milliseconds(last), "unreadable": rest})
    return found


def encoded(frame: Mapping[str, Any]) -> bytes:
    """A frame as bytes; what could not be read becomes as many bytes that cannot be read."""
    if "unreadable" in frame:
        return b"\xff" * int(frame["unreadable"])
    headers = b"".join(_header(name, str(value)) for name, value in frame["headers"].items())
    payload = b"" if frame["payload"] is None else msgspec.json.encode(frame["payload"])
    lengths = _LENGTHS.pack(len(headers) + len(payload) + _AROUND, len(headers))
    message = lengths + _CHECKSUM.pack(crc32(lengths)) + headers + payload
    return message + _CHECKSUM.pack(crc32(message))


def events(answer: Iterable[Timed], scrubber: Scrubber) -> list[dict[str, Any]]:
    """``{"at": milliseconds, "text": ...}`` for each write to the client."""
    return [
        {"at": _milliseconds(at), "text": _lines(data.decode("utf-8", "replace"), scrubber)}
        for at, data in answer
    ]


def _decoded(reads: Iterable[Timed]) -> tuple[list[tuple[float, Frame]], int, float]:
    """Each whole frame with its time, the number of bytes after them, and the last time."""
    decoder, found = FrameDecoder(), list[tuple[float, Frame]]()
    length, whole, last = 0, 0, 0.0
    for last, data in reads:
        length += len(data)
        try:
            read = decoder.feed(data)
        except FrameError as error:
            read = list(error.frames)
        found += [(last, frame) for frame in read]
        whole += sum(map(_size, read))
    return found, length - whole, last


def _size(frame: Frame) -> int:
    headers = sum(len(_header(name, str(value))) for name, value in frame.headers.items())
    return headers + len(frame.payload) + _AROUND


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return bytes([len(key)]) + key + bytes([_TEXT]) + len(text).to_bytes(2, "big") + text


def _scrubbed(payloads: list[Any], scrubber: Scrubber) -> list[Any]:
    """The payloads, scrubbed. The pieces of a tool call's input are one text, cut anywhere."""
    scrubbed = [scrubber.json(payload) for payload in payloads]
    calls: dict[str, list[int]] = {}
    for number, payload in enumerate(payloads):
        if isinstance(payload, dict) and isinstance(payload.get("input"), str):
            calls.setdefault(str(payload.get("toolUseId")), []).append(number)
    for numbers in calls.values():
        whole = scrubber.text("".join(payloads[number]["input"] for number in numbers))
        at = 0
        for number in numbers:
            end = at + len(payloads[number]["input"])
            scrubbed[number]["input"] = whole[at:end]
            at = end
    return scrubbed


def _json(payload: bytes) -> Any:
    try:
        return msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return {"unreadable": len(payload)} if payload else None


def _lines(text: str, scrubber: Scrubber) -> str:
    """Server-sent events with the JSON of each ``data`` line scrubbed, or one JSON document."""
    return "\n".join(_line(line, scrubber) for line in text.split("\n"))


def _line(line: str, scrubber: Scrubber) -> str:
    if _is_framing(line):
        return line
    start = 6 if line.startswith("data: ") else 0
    try:
        value = msgspec.json.decode(line[start:])
    except (ValueError, RecursionError):  # a piece of a large event, written in several
        return line[:start] + scrubber.text(line[start:])
    return line[:start] + msgspec.json.encode(scrubber.json(value)).decode()


def _is_framing(line: str) -> bool:
    return line in ("", "data: [DONE]") or line.startswith(("event: ", ":"))


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
