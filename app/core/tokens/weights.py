"""What a character weighs in each family of tokenizers, by its kind.

The weights are fitted to the counts of public tokenizers (``benchmarks/counting``), which
docs/counting.md names, with the error of an estimate by them.
"""

import re
from functools import lru_cache
from typing import Final, Literal, TypeAlias

Family: TypeAlias = Literal["claude", "claude-4.7", "gpt"]
"""``claude``: Claude up to 4.6. ``claude-4.7``: from Opus 4.7 on, whose tokenizer makes more tokens
of the same text. ``gpt``: OpenAI's models."""

_ASCII_KINDS: Final = {
    "capital letter": b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "digit": b"0123456789",
    "space": b" ",
    "line feed": b"\n",
    "tab": b"\t",
}
_SCRIPTS: Final = {  # by the first byte of a character in UTF-8
    "Latin-1 sign": (0xC2, 0xC2),
    "Latin letter with accent": (0xC3, 0xC3),
    "Latin letter, extended": (0xC4, 0xCD),
    "Greek": (0xCE, 0xCF),
    "Cyrillic": (0xD0, 0xD3),
    "Hebrew, Armenian": (0xD4, 0xD7),
    "Arabic": (0xD8, 0xDF),
    "Indic, Thai": (0xE0, 0xE0),
    "Georgian, Ethiopic, Vietnamese": (0xE1, 0xE1),
    "sign": (0xE2, 0xE2),
    "Kana": (0xE3, 0xE3),
    "Han": (0xE4, 0xE9),
    "Hangul": (0xEA, 0xED),
    "full-width sign": (0xEE, 0xEF),
    "emoji": (0xF0, 0xF7),
}
LOWER: Final = "small letter"
OTHER: Final = "punctuation"


def kind_of(byte: int) -> str | None:
    """The kind of the character that begins with this byte of UTF-8; None inside a character."""
    if byte >= 0x80:
        return next((k for k, (low, high) in _SCRIPTS.items() if low <= byte <= high), None)
    if 0x61 <= byte <= 0x7A:
        return LOWER
    return next((kind for kind, members in _ASCII_KINDS.items() if byte in members), OTHER)


KINDS: Final = (LOWER, *_ASCII_KINDS, OTHER, *_SCRIPTS)

WEIGHTS: Final[dict[Family, dict[str, int]]] = {
    "claude": {
        "small letter": 234,
        "capital letter": 1012,
        "digit": 841,
        "space": 195,
        "line feed": 628,
        "tab": 2079,
        "punctuation": 413,
        "Latin-1 sign": 2389,
        "Latin letter with accent": 1721,
        "Latin letter, extended": 824,
        "Greek": 722,
        "Cyrillic": 407,
        "Hebrew, Armenian": 767,
        "Arabic": 736,
        "Indic, Thai": 880,
        "Georgian, Ethiopic, Vietnamese": 899,
        "sign": 1054,
        "Kana": 753,
        "Han": 1157,
        "Hangul": 1324,
        "full-width sign": 1346,
        "emoji": 3858,
    },
    "claude-4.7": {
        "small letter": 397,
        "capital letter": 1285,
        "digit": 719,
        "space": 68,
        "line feed": 1013,
        "tab": 227,
        "punctuation": 502,
        "Latin-1 sign": 3011,
        "Latin letter with accent": 1555,
        "Latin letter, extended": 697,
        "Greek": 741,
        "Cyrillic": 423,
        "Hebrew, Armenian": 787,
        "Arabic": 761,
        "Indic, Thai": 893,
        "Georgian, Ethiopic, Vietnamese": 909,
        "sign": 894,
        "Kana": 744,
        "Han": 1161,
        "Hangul": 1351,
        "full-width sign": 1076,
        "emoji": 4432,
    },
    "gpt": {
        "small letter": 188,
        "capital letter": 707,
        "digit": 919,
        "space": 247,
        "line feed": 50,
        "tab": 1652,
        "punctuation": 317,
        "Latin-1 sign": 654,
        "Latin letter with accent": 1195,
        "Latin letter, extended": 1255,
        "Greek": 364,
        "Cyrillic": 267,
        "Hebrew, Armenian": 413,
        "Arabic": 301,
        "Indic, Thai": 365,
        "Georgian, Ethiopic, Vietnamese": 355,
        "sign": 1258,
        "Kana": 738,
        "Han": 859,
        "Hangul": 732,
        "full-width sign": 2966,
        "emoji": 669,
    },
}
"""Thousandths of a token for a character of each kind. Written by ``benchmarks.counting.fit``."""

_CLAUDE = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2})(?!\d))?")
_NEW_TOKENIZER = (4, 7)


@lru_cache(maxsize=256)
def family_of(model: str) -> Family:
    """The family whose weights an upstream's model id has.

    ``auto``, where the service chooses, counts as its newest models do: a client that compacts its
    conversation a little early loses nothing. For the makers that no weights were fitted for, those
    of ``gpt`` stand in.
    """
    found = _CLAUDE.match(model)
    if not found:
        return "claude-4.7" if model.startswith(("claude", "auto")) else "gpt"
    version = int(found[1]), int(found[2] or 0)
    return "claude-4.7" if version >= _NEW_TOKENIZER else "claude"
