"""JSON and server-sent events, as every dialect writes them.

Text that comes in many pieces is not put into a struct each time: :func:`cut` encodes the struct
once, with holes, and the pieces go between the parts.
"""

from functools import cache
from typing import Any

from msgspec import Raw, Struct
from msgspec.json import Encoder

encode = Encoder().encode
"""Any value as JSON, in UTF-8; text is escaped only where JSON demands it."""

_GAP = b"\0"  # no JSON contains it: control characters are escaped
HOLE: Any = Raw(_GAP)
"""Takes the place of a value that is written later, JSON-encoded."""


def cut(written: bytes) -> list[bytes]:
    """The parts of what was encoded from a struct, between its holes."""
    return written.split(_GAP)


def data(payload: Struct) -> bytes:
    """An event without a name."""
    return b"data: %b\n\n" % encode(payload)


def event(payload: Struct) -> bytes:
    """An event that is named after the type of its payload, a tagged struct."""
    return b"event: %b\ndata: %b\n\n" % (_name(type(payload)), encode(payload))


@cache
def _name(kind: type[Struct]) -> bytes:
    return str(kind.__struct_config__.tag).encode()
