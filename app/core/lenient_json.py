"""JSON as programs write it that cut strings between the halves of a surrogate pair.

JSON can write such a half (``\\ud83d`` and nothing behind it), UTF-8 cannot, and so a strict reader
refuses the whole text. Clients send what they cut out of other texts, models what they wrote of
themselves; here a half is read as U+FFFD.
"""

import re
from typing import Any

import msgspec

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(
    rb"""\\(?: u[dD][89abAB][0-9a-fA-F]{2} \\u[dD][c-fC-F][0-9a-fA-F]{2}
          | (?P<half> u[dD][89a-fA-F][0-9a-fA-F]{2} )
          | . )""",
    re.VERBOSE | re.DOTALL,
)


def without_halves(raw: bytes) -> bytes:
    """The same JSON with U+FFFD in the place of each half that stands alone."""
    if not _SURROGATE.search(raw):  # most broken JSON is broken elsewhere
        return raw
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found["half"] else found[0], raw)


def decode_object(text: str) -> dict[str, Any]:
    """The JSON object in ``text``. Raises ValueError if there is none, and RecursionError."""
    try:
        return _decode_object(text)
    except msgspec.DecodeError:
        return _decode_object(without_halves(text.encode()))
