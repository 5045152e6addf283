"""Streams for the tests of the frame decoder: random messages, and every kind of damage."""

import struct
import zlib
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import strategies as st

from app.eventstream import frames
from app.eventstream.frames import FrameError
from tests.eventstream.wire import Typed, event, header, message

RandomMessage = tuple[dict[str, Typed], bytes]
"""Headers and payload."""


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """Cut ``data`` into pieces at these places, which may be larger than its length."""
    borders = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(borders)]


def prelude(total: int, headers_length: int) -> bytes:
    """Return a prelude with a correct checksum."""
    lengths = struct.pack(">II", total, headers_length)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


def _integers(kind: int, bits: int) -> st.SearchStrategy[Typed]:
    return st.integers(-(1 << bits - 1), (1 << bits - 1) - 1).map(lambda n: Typed(kind, n))


places = st.lists(st.integers(0, 1 << 16), max_size=20)
values = st.one_of(
    st.just(Typed(0, True)),
    st.just(Typed(1, False)),
    _integers(2, 8),
    _integers(3, 16),
    _integers(4, 32),
    _integers(5, 64),
    st.binary(max_size=300).map(lambda raw: Typed(6, raw)),
    st.text(max_size=100).map(lambda text: Typed(7, text)),
    _integers(8, 64),
    st.binary(min_size=16, max_size=16).map(lambda raw: Typed(9, raw)),
)
names = st.text(min_size=1, max_size=60)
messages: st.SearchStrategy[RandomMessage] = st.tuples(
    st.dictionaries(names, values, max_size=8), st.binary(max_size=400)
)

DAMAGES: dict[str, tuple[bytes, type[FrameError]]] = {
    "prelude checksum": (prelude(16, 0)[:11] + b"?", frames.PreludeChecksumMismatch),
    "message checksum": (prelude(16, 0) + b"????", frames.MessageChecksumMismatch),
    "too short": (prelude(15, 0), frames.MessageTooShort),
    "too long": (prelude((24 << 20) + 1, 0), frames.MessageTooLong),
    "headers too long": (prelude(1 << 20, (128 << 10) + 1), frames.HeadersTooLong),
    "headers overrun": (prelude(32, 17), frames.HeadersOverrun),
    "no type": (message(b"\x01a", b""), frames.HeaderTruncated),
    "half a name": (message(b"\x05ab", b"cde\x00"), frames.HeaderTruncated),
    "half an integer": (message(b"\x01a\x04\x00\x00", b"\x00\x00"), frames.HeaderTruncated),
    "half a length": (message(b"\x01a\x07\x00", b"\x00"), frames.HeaderTruncated),
    "half a string": (message(b"\x01a\x07\x00\x03xy", b"z"), frames.HeaderTruncated),
    "half a uuid": (message(b"\x01a\x09" + bytes(15), b"\x00"), frames.HeaderTruncated),
    "no name": (message(b"\x00\x00", b""), frames.InvalidHeaderName),
    "name not UTF-8": (message(header(b"\xff", "x"), b""), frames.InvalidHeaderName),
    "value not UTF-8": (message(b"\x01a\x07\x00\x01\xff", b""), frames.InvalidHeaderValue),
    "unknown type": (message(b"\x01a\x0a", b""), frames.UnknownHeaderType),
    "duplicate": (message(header("a", "x") * 2, b""), frames.DuplicateHeader),
    "cut in the prelude": (prelude(16, 0)[:3], frames.TruncatedMessage),
    "cut in the payload": (event("e", {"a": 1})[:-1], frames.TruncatedMessage),
}
"""Bytes that are not a valid message, and the error of the decoder."""
