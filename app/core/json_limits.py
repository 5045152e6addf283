"""Refuses JSON that would take long to decode, before it is decoded.

A decoder is one call that nothing can interrupt: while it runs, its process does nothing else. How
long it takes is bounded by what it makes: values (each comma, ``[`` and ``{`` outside of a string
begins one), escapes, and digits of long integers. Only large JSON is looked at, in passes that are
faster than the decoder, in slices, so that another thread may run in between.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from math import isfinite

UNCHECKED = 256 * 1024
"""Bytes that are decoded in less than 10 ms whatever they are."""

MAX_VALUES = 100_000
"""Decoded in at most 20 ms. Requests of agents have one for each 30 to 100 bytes, and no model
reads 3 MB."""
MAX_ESCAPES = 2_000_000
"""Backslashes."""
MAX_DIGITS = 400
"""Of one number. The time that a longer one takes grows faster than its length."""

_SLICE = 256 * 1024
"""Bytes that are looked at in one call."""
_NEGLIGIBLE = 100
_FEW_DIGITS = 4 * 1024 * 1024
"""Bytes of which all integers together are decoded in time."""
_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))


def read_float(text: str) -> float:
    """A number as the ``float_hook`` of a decoder, whose own reading of one takes up to 9 us if its
    exponent is large. Raises ValueError for one that no float can hold.
    """
    number = float(text)
    if not isfinite(number):
        raise ValueError("Number out of range")
    return number


class TooMuch(ValueError):
    """JSON beyond a limit; the message says which, and completes "The JSON has"."""


class Allowance:
    """The values that JSON inside the strings of one document may have, together."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def check(self, text: str) -> None:
        """As :func:`check`, for one such string. Raises :class:`TooMuch`."""
        check(text)
        values = _sum(_values, pieces(text), _NEGLIGIBLE)
        if values > _NEGLIGIBLE:  # most of these characters may be inside of strings
            values = sum(map(_values, outside_strings(text)))
        self._left -= values
        if self._left < 0:
            raise TooMuch(f"more than {MAX_VALUES:,} values in JSON inside of strings")


def check(json: bytes | str) -> None:
    """Raises :class:`TooMuch`."""
    size = len(json)
    if size <= UNCHECKED:
        return
    if size > MAX_ESCAPES and _sum(_escapes, pieces(json), MAX_ESCAPES) > MAX_ESCAPES:
        raise TooMuch(f"more than {MAX_ESCAPES:,} backslashes")
    if size > _FEW_DIGITS or _sum(_values, pieces(json), MAX_VALUES) >= MAX_VALUES:
        _check_structure(json)


def _check_structure(json: bytes | str) -> None:
    values = 1
    for outside in outside_strings(json):
        values += _values(outside)
        if values > MAX_VALUES:
            raise TooMuch(f"more than {MAX_VALUES:,} values")
        if _LONG_NUMBER.search(outside):
            raise TooMuch(f"a number of more than {MAX_DIGITS} digits")


def _sum(count: Callable[[bytes], int], parts: Iterable[bytes], most: int) -> int:
    """What ``count`` says of all parts, or of the first that together have over ``most``."""
    total = 0
    for part in parts:
        total += count(part)
        if total > most:
            break
    return total


# ``bytes.count`` looks at each byte, ``replace`` searches for the next one, as fast as memory is
# read: a tenth of the time where it is rare, as it is in text.


def _values(raw: bytes) -> int:
    return len(raw) - len(raw.replace(b",", b"").replace(b"[", b"").replace(b"{", b""))


def _escapes(raw: bytes) -> int:
    return len(raw) - len(raw.replace(b"\\", b""))


def outside_strings(json: bytes | str) -> Iterator[bytes]:
    """What is outside of strings, piece by piece, a quotation mark in place of each string."""
    inside = False
    for piece in pieces(json):
        if b"\\" in piece:
            piece = piece.replace(rb"\\", b"").replace(rb"\"", b"")
        parts = piece.split(b'"')
        yield b'"'.join(parts[inside::2])
        inside ^= len(parts) % 2 == 0


def pieces(json: bytes | str) -> Iterator[bytes]:
    """The JSON in pieces that no pair of a backslash and what it escapes is cut by."""
    start = 0
    while start < len(json):
        piece = _encoded(json[start : start + _SLICE])
        length = _SLICE
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:
            piece = _encoded(json[start : start + _SLICE + 1])
            length += 1
        yield piece
        start += length


def _encoded(piece: bytes | str) -> bytes:
    return piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece
