"""The input of custom tools, which is free text where the upstream knows only JSON objects.

Upstream such a tool takes an object with one string, ``{"input": "..."}``. The client is told the
string alone, piece by piece as the object's JSON arrives: :class:`InputReader` decodes it on the
way, whatever the fragments are cut at.
"""

import re
from enum import Enum
from typing import Any

import msgspec

from app.core.lenient_json import decode_object
from app.dialects.wire import encode

NAME = "input"

_START = re.compile(r'[ \t\r\n]*\{[ \t\r\n]*"input"[ \t\r\n]*:[ \t\r\n]*"')
_START_LIMIT = 100
"""Characters in which the string must have begun, or it is not looked for any further."""

# As much of a string's inside as can be decoded now: plain characters, escapes, and surrogates
# escaped in pairs.
_INSIDE = re.compile(
    r"""(?: [^"\\]++
        | \\ [^u]
        | \\u (?![dD][89abAB]) [0-9a-fA-F]{4}
        | \\u [dD][89abAB][0-9a-fA-F]{2} \\u [dD][c-fC-F][0-9a-fA-F]{2}
        )*+""",
    re.VERBOSE | re.DOTALL,
)
_LONGEST_ESCAPE = len(r"\ud83d\ude42")

_decode_string = msgspec.json.Decoder(str).decode


def as_object(text: str) -> dict[str, Any]:
    """The object that stands for the text upstream."""
    return {NAME: text}


def as_text(given: dict[str, Any]) -> str:
    """The text in the object. A model that gave another object than asked for is told by its whole
    JSON, so that the client can answer it.
    """
    value = given.get(NAME)
    if isinstance(value, str):
        return value
    return encode(given).decode() if given else ""


class _Place(Enum):
    BEFORE = "before the string"
    INSIDE = "inside the string"
    AFTER = "behind the string, or where nothing more can be told before the end"


class InputReader:
    """Takes the fragments of one call's JSON, gives the pieces of its text."""

    def __init__(self) -> None:
        self._place = _Place.BEFORE
        self._raw: list[str] = []
        self._rest = ""  # what is not decoded yet
        self._told: list[str] = []

    def feed(self, fragment: str) -> str:
        """The text that this fragment completes; "" when that is none."""
        self._raw.append(fragment)
        if self._place is _Place.AFTER:
            return ""
        rest = self._rest + fragment
        if self._place is _Place.BEFORE:
            start = _START.match(rest)
            if start is None:
                self._wait(rest, _START_LIMIT)
                return ""
            self._place = _Place.INSIDE
            rest = rest[start.end() :]
        return self._inside(rest)

    def finish(self) -> str:
        """The text that was not given yet, of a call whose JSON is complete."""
        written, told = "".join(self._raw), "".join(self._told)
        text = as_text(decode_object(written)) if written else ""
        return text.removeprefix(told) if text.startswith(told) else ""

    def _wait(self, rest: str, limit: int) -> None:
        """For more of what cannot be read yet; what is too long for that never can."""
        self._rest = rest
        if len(rest) >= limit:
            self._place = _Place.AFTER

    def _inside(self, rest: str) -> str:
        end = _INSIDE.match(rest).end()  # type: ignore[union-attr]  # it matches "" too
        try:
            piece = _decode_string(f'"{rest[:end]}"') if end else ""
        except msgspec.MsgspecError:  # such JSON is no call's: its end will say so
            self._place = _Place.AFTER
            return ""
        self._wait(rest[end:], _LONGEST_ESCAPE)
        if self._rest.startswith('"'):
            self._place = _Place.AFTER
        self._told.append(piece)
        return piece
