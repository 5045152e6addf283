"""Finds the Chinese of a message: of the whole, or of the sentences that it begins with."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from string import Formatter
from typing import NamedTuple

from .accounts import ADVICE, DOOR, PROBLEMS, REASONS, USAGE
from .failures import FAILURES

_QUOTED: Mapping[str, str] = {
    'The upstream said: "{said}" ({facts})': "上游的原话：“{said}”（{facts}）",
    "({facts})": "（{facts}）",
}

SENTENCES: Mapping[str, str] = {
    **FAILURES, **ADVICE, **REASONS, **PROBLEMS, **DOOR, **USAGE,
    **_QUOTED,
}  # fmt: skip
"""By the English sentence. A value in braces may be anything; the first row that fits is taken."""

DEEPEST = 3
"""Values within values that are translated."""


class Row(NamedTuple):
    """A sentence with values."""

    fits: Callable[[str], "re.Match[str] | None"]
    chinese: str


def chinese(message: str, depth: int = 0) -> str:
    """The message in Chinese, "" if no row fits. What it quotes or names stays as it is."""
    if message in SENTENCES:
        return SENTENCES[message]
    for english in _begins():
        if message.startswith(english + " "):
            rest = message[len(english) + 1 :]
            return SENTENCES[english] + (chinese(rest, depth) or f" {rest}")
    for row in _with_values():
        if found := row.fits(message):
            values = found.groupdict()
            if depth < DEEPEST:
                values = {
                    name: chinese(value, depth + 1) or value for name, value in values.items()
                }
            return row.chinese.format(**values)
    return ""


@cache
def _begins() -> tuple[str, ...]:
    """The sentences without values, behind which others may come; the longest first."""
    return tuple(sorted(FAILURES, key=len, reverse=True))


@cache
def _with_values() -> tuple[Row, ...]:
    return tuple(
        Row(re.compile("".join(_pattern(english)), re.DOTALL).fullmatch, translated)
        for english, translated in SENTENCES.items()
        if "{" in english
    )


def _pattern(english: str) -> Iterator[str]:
    for text, name, _, _ in Formatter().parse(english):
        yield re.escape(text)
        if name:
            yield f"(?P<{name}>.+?)"
