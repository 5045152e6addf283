"""Refuses JSON that would take long to decode, before it is decoded.

A decoder is one call that nothing can interrupt: while it runs, its process does nothing else. How
long it takes is bounded by what it makes: values (each comma, ``[`` and ``{`` outside of a string
begins one), escapes, and digits of long integers. Only large JSON is looked at, in passes that are
faster than the decoder, in slices, so that another thread may run in between.
"""

import re
from collections.abc import Iterator
from math import isfinite

UNCHECKED = 1280 * 1024
"""Bytes that are decoded in less than 50 ms whatever they are."""

MAX_VALUES = 200_000
MAX_ESCAPES = 2_000_000
"""Backslashes."""
MAX_DIGITS = 400
"""Of one number. The time that a longer one takes grows faster than its length."""

_SLICE = 256 * 1024
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
        raw = text.encode("utf-8", "surrogatepass")
        check(raw)
        values = _values(raw)
        if values > _NEGLIGIBLE:  # most of these characters may be inside of strings
            values = sum(map(_values, outside_strings(raw)))
        self._left -= values
        if self._left < 0:
            raise TooMuch(f"more than {MAX_VALUES:,} values in JSON inside of strings")


def _values(raw: bytes) -> int:
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


def check(raw: bytes) -> None:
    """Raises :class:`TooMuch`."""
    if len(raw) <= UNCHECKED:
        return
    if raw.count(b"\\") > MAX_ESCAPES:
        raise TooMuch(f"more than {MAX_ESCAPES:,} backslashes")
    if len(raw) > _FEW_DIGITS or _values(raw) >= MAX_VALUES:
        _check_structure(raw)


def _check_structure(raw: bytes) -> None:
    values = 1
    for outside in outside_strings(raw):
        values += _values(outside)
        if values > MAX_VALUES:
            raise TooMuch(f"more than {MAX_VALUES:,} values")
        if _LONG_NUMBER.search(outside):
            raise TooMuch(f"a number of more than {MAX_DIGITS} digits")


def outside_strings(raw: bytes) -> Iterator[bytes]:
    """What is outside of strings, slice by slice, a quotation mark in place of each string."""
    inside = False
    for piece in slices(raw):
        parts = piece.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')
        yield b'"'.join(parts[inside::2])
        inside ^= len(parts) % 2 == 0


def slices(raw: bytes) -> Iterator[bytes]:
    """The JSON in slices that no pair of a backslash and what it escapes is cut by."""
    start = 0
    while start < len(raw):
        piece = raw[start : start + _SLICE]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:
            piece = raw[start : start + _SLICE + 1]
        yield piece
        start += len(piece)
