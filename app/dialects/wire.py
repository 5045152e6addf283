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
encode_lines = Encoder().encode_lines
"""The same of each value of a list, with a line feed behind each."""

_GAP = b"\0"  # no JSON contains it: control characters are escaped
HOLE: Any = Raw(_GAP)
"""Takes the place of a value that is written later, JSON-encoded."""


def cut(written: bytes) -> list[bytes]:
    """The parts of what was encoded from a struct, between its holes."""
    return written.split(_GAP)


_LINE_ENDS = (  # U+0085, U+2028, U+2029
    (b"\xc2\x85", rb"\u0085"),
    (b"\xe2\x80\xa8", rb"\u2028"),
    (b"\xe2\x80\xa9", rb"\u2029"),
)


def one_line(events: bytes) -> bytes:
    """Events whose JSON has escapes for the characters at which readers such as httpx split lines,
    although neither JSON nor server-sent events demand it. They can only be inside strings.
    """
    for raw, escaped in _LINE_ENDS:
        if raw[-1] in events and raw in events:  # one byte is found far sooner than three
            events = events.replace(raw, escaped)
    return events


def data(payload: Struct) -> bytes:
    """An event without a name."""
    return b"data: %b\n\n" % encode(payload)


def event(payload: Struct) -> bytes:
    """An event that is named after the type of its payload, a tagged struct."""
    return b"event: %b\ndata: %b\n\n" % (_name(type(payload)), encode(payload))


@cache
def _name(kind: type[Struct]) -> bytes:
    return str(kind.__struct_config__.tag).encode()
