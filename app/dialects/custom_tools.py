"""Custom tools, whose input is free text for the client and a JSON object for the upstream. Shared
by the OpenAI dialects, which differ in how they write such a tool down.

Upstream it is a function of one string, ``{"input": "..."}``, with the grammar of its text in its
description. The client gets only the string, piece by piece as the object's JSON arrives:
:class:`InputReader` decodes it on the way, wherever the fragments are cut.
"""

import re
from enum import Enum
from typing import Any

import msgspec
from msgspec import Struct

from app.core.conversation import Tool
from app.core.lenient_json import decode_object
from app.core.typed_json import Tagged
from app.dialects.wire import encode

NAME = "input"

_START = re.compile(r'[ \t\r\n]*\{[ \t\r\n]*"input"[ \t\r\n]*:[ \t\r\n]*"')
_START_LIMIT = 100
"""The string must begin within this many characters; after that the reader stops looking."""

# The part of a string's inside that can be decoded now: plain characters, escapes, and pairs of
# escaped surrogates. The group is not possessive: Python before 3.11.5 ends that too soon.
_INSIDE = re.compile(
    r"""(?: [^"\\]++
        | \\ [^u]
        | \\u (?![dD][89abAB]) [0-9a-fA-F]{4}
        | \\u [dD][89abAB][0-9a-fA-F]{2} \\u [dD][c-fC-F][0-9a-fA-F]{2}
        )*""",
    re.VERBOSE | re.DOTALL,
)
_LONGEST_ESCAPE = len(r"\ud83d\ude42")

_decode_string = msgspec.json.Decoder(str).decode


class FreeText(Tagged, frozen=True, tag="text"):
    """Any text at all."""


class Grammar(Struct, frozen=True):
    """Text that matches this grammar; ``syntax`` is the notation of the grammar."""

    syntax: str
    definition: str


def offered(name: str, description: str | None, grammar: Grammar | None) -> Tool:
    """The tool as the model is told of it."""
    rule = "The input is free text: give it as the one string of the argument."
    if grammar:
        rule += f" It must match this grammar ({grammar.syntax}):\n\n{grammar.definition}"
    schema = {
        "type": "object",
        "properties": {NAME: {"type": "string", "description": "The whole input"}},
        "required": [NAME],
        "additionalProperties": False,
    }
    return Tool(name, "\n\n".join(filter(None, (description, rule))), schema)


def as_object(text: str) -> dict[str, Any]:
    """The object that carries the text upstream."""
    return {NAME: text}


def as_text(given: dict[str, Any]) -> str:
    """The text in the object. If the model gave a different object, the text is the whole JSON, so
    that the client can answer it.
    """
    value = given.get(NAME)
    if isinstance(value, str):
        return value
    return encode(given).decode() if given else ""


class _Place(Enum):
    BEFORE = "before the string"
    INSIDE = "inside the string"
    AFTER = "after the string, or where nothing more can be decoded before the end"


class InputReader:
    """Takes the fragments of one call's JSON and returns the pieces of its text."""

    def __init__(self) -> None:
        self._place = _Place.BEFORE
        self._raw: list[str] = []
        self._rest = ""  # not decoded yet
        self._sent: list[str] = []

    def feed(self, fragment: str) -> str:
        """The text that this fragment completes, or ""."""
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
        """The rest of the text, of a call whose JSON is complete."""
        written, sent = "".join(self._raw), "".join(self._sent)
        text = as_text(decode_object(written)) if written else ""
        return text.removeprefix(sent) if text.startswith(sent) else ""

    def _wait(self, rest: str, limit: int) -> None:
        """Keep ``rest`` until more comes; beyond ``limit`` it never becomes readable."""
        self._rest = rest
        if len(rest) >= limit:
            self._place = _Place.AFTER

    def _inside(self, rest: str) -> str:
        end = _INSIDE.match(rest).end()  # type: ignore[union-attr]  # it matches "" too
        try:
            piece = _decode_string(f'"{rest[:end]}"') if end else ""
        except msgspec.MsgspecError:  # not the JSON of a call: its end will show that
            self._place = _Place.AFTER
            return ""
        self._wait(rest[end:], _LONGEST_ESCAPE)
        if self._rest.startswith('"'):
            self._place = _Place.AFTER
        self._sent.append(piece)
        return piece
