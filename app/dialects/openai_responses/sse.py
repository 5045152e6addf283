"""The bytes of each stream event. Their order is :mod:`~app.dialects.openai_responses.stream`'s
affair.

Every event is an ``event:`` line, a ``data:`` line with one JSON object, and an empty line. Of a
delta, of which there are many, what stands before its text is made once for an item
(:func:`delta_head`); behind the text comes the event's number alone (:data:`DELTA_END`).
"""

from typing import Any

from app.dialects.wire import encode

PING = b": ping\n\n"
"""A comment: readers of event streams skip it."""

DELTA_END = b',"sequence_number":%d}\n\n'


def event(name: str, number: int, **members: Any) -> bytes:
    """A whole event of which the payload is its name as ``type``, its number, then ``members``."""
    payload = encode({"type": name, "sequence_number": number, **members})
    return b"event: %b\ndata: %b\n\n" % (name.encode(), payload)


def delta_head(name: str, **place: Any) -> bytes:
    """A delta up to its text, which follows JSON-encoded, and then :data:`DELTA_END`. ``place``
    tells where the text belongs.
    """
    payload = encode({"type": name, **place}).removesuffix(b"}")
    return b'event: %b\ndata: %b,"delta":' % (name.encode(), payload)
