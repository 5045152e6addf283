"""JSON and server-sent events, as every dialect writes them.

Text that comes in many pieces is not put into a struct each time: :func:`cut` encodes the struct
once, with holes, and the pieces go between the parts.
"""

from functools import cache
from typing import Any

from msgspec import Raw, Struct
from msgspec.json import Encoder

_encode = Encoder().encode
_LINE_ENDS = [(text.encode(), b"\\u%04x" % ord(text)) for text in "\x85\u2028\u2029"]

_GAP = b"\0"  # no JSON contains it: control characters are escaped
HOLE: Any = Raw(_GAP)
"""Takes the place of a value that is written later, JSON-encoded."""


def encode(value: Any, /) -> bytes:
    """Any value as JSON, in UTF-8. Text is escaped only where JSON demands it, and where a reader
    of events might see the end of a line that is none: many go by ``str.splitlines``, httpx among
    them (langgenius/dify#39008).
    """
    written: bytes = _encode(value)
    if not written.isascii():
        for line_end, escape in _LINE_ENDS:
            if line_end in written:
                written = written.replace(line_end, escape)
    return written


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
