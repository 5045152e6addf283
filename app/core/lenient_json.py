"""Reads JSON with lone surrogates, which programs write when they cut text by UTF-16 units.

JSON can escape one half of a surrogate pair (``\\ud83d`` and nothing after it), but UTF-8 cannot
encode it, so a strict parser rejects the whole document. Clients send such halves in text they
shortened, and models produce them too. They are read as U+FFFD here.
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


def replace_lone_surrogates(raw: bytes) -> bytes:
    """The same JSON with U+FFFD in place of each lone surrogate."""
    if not _SURROGATE.search(raw):  # most broken JSON is broken for another reason
        return raw
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found["half"] else found[0], raw)


def decode_object(text: str) -> dict[str, Any]:
    """Decode a JSON object. Raises ValueError if ``text`` is not one, and RecursionError."""
    try:
        return _decode_object(text)
    except msgspec.DecodeError:
        return _decode_object(replace_lone_surrogates(text.encode()))
