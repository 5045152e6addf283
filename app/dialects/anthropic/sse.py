"""The bytes of each stream event. Their order is :mod:`~app.dialects.anthropic.stream`'s affair.

Every event is an ``event:`` line, a ``data:`` line with one JSON object, and an empty line; the
SDKs drop events without the first. A delta, of which there are many, is cut where its text goes:
what stands before it is made once for a block (:func:`delta_head`), what stands after is constant.
"""

from typing import Any

from app.dialects.wire import encode

PING = b'event: ping\ndata: {"type":"ping"}\n\n'
MESSAGE_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
DELTA_END = b"}}\n\n"

TEXT = (b"text_delta", b"text")
THINKING = (b"thinking_delta", b"thinking")
SIGNATURE = (b"signature_delta", b"signature")
TOOL_INPUT = (b"input_json_delta", b"partial_json")
"""Kinds of deltas: their type, and the member that holds their text."""


def event(name: str, **members: Any) -> bytes:
    """A whole event of which the payload is its name as ``type``, then ``members``."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), encode({"type": name, **members}))


def block_start(index: int, **block: Any) -> bytes:
    """The event that opens a block, which is still empty."""
    return event("content_block_start", index=index, content_block=block)


def delta_head(index: int, kind: tuple[bytes, bytes]) -> bytes:
    """A delta up to its text, which follows JSON-encoded, and then :data:`DELTA_END`."""
    return (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
        b'"delta":{"type":"%b","%b":' % (index, *kind)
    )


def block_stop(index: int) -> bytes:
    """The event that closes it."""
    return event("content_block_stop", index=index)


def error(body: bytes) -> bytes:
    """The event of a failure that ``body`` tells; the last of its stream."""
    return b"event: error\ndata: %b\n\n" % body
