"""Takes a model's name apart: every spelling that clients use comes to one key, and a key to a
family and a version.
"""

import re
from functools import lru_cache
from typing import NamedTuple, TypeAlias, cast

from msgspec import Struct

from app.core.conversation import Effort

Version: TypeAlias = tuple[int, ...]

LONGEST_NAME = 256
"""Characters. The cost of taking a name apart grows faster than its length."""

_CACHE_SIZE = 256

_PREFIX = re.compile(
    r"^(?:(?:[a-z-]+\.)?(?:anthropic|openai|deepseek|qwen|minimax)\."
    r"|(?:anthropic|openai|bedrock|vertex(?:-ai)?|openrouter|kiro|custom-openai):)"
)
_WINDOW = re.compile(r"\s*\[[0-9a-z]{1,8}\]$|-1m$")
_VERSION = re.compile(r"[-@]v\d+(?:[-:]\d+)?$|:\d+$")
_DIGIT = re.compile(r"\d")
_DATE = re.compile(r"[-@]20\d{6}$")
_LABEL = re.compile(r"[-:]latest$|-fast$|:(?:free|beta|nitro|floor|online|extended|exacto)$")
_THINKING = re.compile(r"[-:]thinking$|\((?:\d{1,7}|auto|thinking)\)$")
_EFFORTS = "none|low|medium|high|xhigh|max"
_EFFORT = re.compile(rf"[-:]({_EFFORTS})$|\s*\(({_EFFORTS})\)$")
_NUMBER_FIRST = re.compile(r"claude-(\d+(?:-\d+)?)-([a-z]+)$")

_CLAUDE = re.compile(r"(?:claude-)?(mythos|fable|opus|sonnet|haiku)(?:-(\d+(?:-\d+)*))?(?:-|$)")
_GPT = re.compile(r"gpt(?:-(\d+(?:-\d+)*))?(?:-[a-z]+)*?-(astra|sol|terra|luna)(?:-|$)")
_OTHER = re.compile(r"([a-z]+)(?:[a-z-]*?(\d+(?:-\d+)*))?")

LADDERS = (
    ("claude-mythos", "claude-fable", "claude-opus", "claude-sonnet", "claude-haiku"),
    ("gpt-astra", "gpt-sol", "gpt-terra", "gpt-luna"),
)
"""Families of one maker, the most capable first. For a family that is not listed, the next one
below answers, or else the next one above."""


class Spelling(Struct, frozen=True):
    """A name taken apart: ``key`` identifies the model, the rest is what suffixes ask for."""

    key: str
    effort: Effort | None = None
    thinking: bool | None = None


class Place(NamedTuple):
    """Where a key belongs; ``version`` is empty if the key has none."""

    family: str
    version: Version


@lru_cache(maxsize=_CACHE_SIZE)
def spelling(name: str) -> Spelling:
    """Reduce a name to its key. Suffixes may come in any number and order. Cached, since every
    request names one of a few models.
    """
    rest = plain(name).replace("_", "-")
    effort: Effort | None = None
    thinking: bool | None = None
    before = None
    while before != rest:
        before = rest
        rest = _PREFIX.sub("", rest)
        for ending in (_WINDOW, _DATE, _LABEL):
            rest = ending.sub("", rest)
        if (found := _VERSION.search(rest)) and _DIGIT.search(rest, 0, found.start()):
            rest = rest[: found.start()]  # of an API; without a number before it, of the model
        if found := _THINKING.search(rest):
            rest, thinking = rest[: found.start()], True
        if found := _EFFORT.search(rest):
            rest = rest[: found.start()]
            effort = effort or cast(Effort, found[1] or found[2])  # the last one is said last
    return Spelling(_key(rest), effort, thinking)


def plain(name: str) -> str:
    """The name in lower case, without the provider before a slash."""
    return name.strip().lower().rpartition("/")[2]


def own_key(model_id: str) -> str:
    """The key of a listed id. No suffix is taken off but a date: what looks like an effort may be
    a part of the id.
    """
    return _key(_DATE.sub("", plain(model_id).replace("_", "-")))


def _key(rest: str) -> str:
    return _NUMBER_FIRST.sub(r"claude-\2-\1", rest.replace(".", "-")).removesuffix("-0")


def place(key: str) -> Place:
    """The family and the version of a key; the family is "" if it has none.

    Claude and GPT have a family for each tier (``claude-opus``, ``gpt-sol``), so a GPT name without
    the word of a tier is of no family. Any other key belongs to its first word.
    """
    if found := _CLAUDE.match(key):
        return Place(f"claude-{found[1]}", _numbers(found[2]))
    if found := _GPT.match(key):
        return Place(f"gpt-{found[2]}", _numbers(found[1]))
    found = _OTHER.match(key)
    if found is None or found[1] in ("claude", "gpt"):
        return Place("", ())
    return Place(found[1], _numbers(found[2]))


def _numbers(text: str | None) -> Version:
    return tuple(int(number) for number in text.split("-")) if text else ()
