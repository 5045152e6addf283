"""Reads JSON with lone surrogates, which programs write when they cut text by UTF-16 units.

JSON can escape one half of a surrogate pair (``\\ud83d`` and nothing after it), but UTF-8 cannot
encode it, so a strict parser rejects the whole document. Clients send such halves in text they
shortened, and models produce them too. They are read as U+FFFD here.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from .json_limits import read_float

_decode_object = msgspec.json.Decoder(dict[str, Any], float_hook=read_float).decode

_LONE = re.compile(
    rb"""\\u[dD](?: [89abAB][0-9a-fA-F]{2} (?! \\u[dD][c-fC-F][0-9a-fA-F]{2} )
                  | [c-fC-F][0-9a-fA-F]{2} (?<! \\u[dD][89abAB][0-9a-fA-F]{2} .{6} ) )""",
    re.VERBOSE | re.DOTALL,
)
_HIGH = re.compile(rb"\\u[dD][89abAB]")
_BACKSLASH = b"\0"
"""Stands for an escaped backslash meanwhile; JSON cannot hold this byte."""
_SLICE = 256 * 1024


def replace_lone_surrogates(raw: bytes) -> bytes:
    """The same JSON with U+FFFD in place of each lone surrogate; ``raw`` itself if it has none."""
    if _BACKSLASH in raw:
        return raw
    escapes = raw.replace(rb"\\", _BACKSLASH)  # now each backslash begins an escape
    mended = [_LONE.subn(rb"\\ufffd", piece) for piece in _slices(escapes)]
    if not any(count for _, count in mended):  # most broken JSON is broken for another reason
        return raw
    return b"".join(piece for piece, _ in mended).replace(_BACKSLASH, rb"\\")


def _slices(escapes: bytes) -> Iterator[bytes]:
    """Slices, since nothing can interrupt one call of a regular expression. None is cut inside an
    escape or a pair.
    """
    start = 0
    while start < len(escapes):
        end = start + _SLICE
        last = escapes.rfind(b"\\", end - len(rb"\ud83d"), end)
        if last >= 0 and escapes[last + 1 : last + 2] == b"u":
            end = last if _HIGH.match(escapes, last) else last + len(rb"\ud83d")
        elif last == end - 1:
            end += 1
        yield escapes[start:end]
        start = end


def decode_object(text: str) -> dict[str, Any]:
    """Decode a JSON object. Raises ValueError if ``text`` is not one, and RecursionError."""
    try:
        return _decode_object(text)
    except msgspec.DecodeError:
        return _decode_object(replace_lone_surrogates(text.encode()))
