"""Finds the model for a client's name, in any of the spellings that clients use.

A name that matches neither the table nor an alias gets the default model; the caller reports that
to the client. The models themselves are in :mod:`.table`.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from app.core.conversation import Conversation, Effort, Reasoning

from .model import Model
from .table import MODELS

_UPSTREAM_ID = re.compile(r"[a-zA-Z0-9_:.-]{1,1024}")
_LONGEST_NAME = 256  # the cost of parsing grows faster than the length
_CACHE_SIZE = 256

_PREFIX = re.compile(r"^(?:[a-z-]+\.)?(?:anthropic|openai|deepseek|qwen|minimax)\.")
_VERSION = re.compile(r"[-@]v\d+(?:[-:]\d+)?$|:\d+$")
_DATE = re.compile(r"[-@]20\d{6}$")
_EFFORT = re.compile(r"-(none|low|medium|high|xhigh|max)$")
_NUMBER_FIRST = re.compile(r"claude-(\d+(?:-\d+)?)-([a-z]+)$")


class _ParsedName(Struct, frozen=True):
    """A parsed name: the key that identifies the model, and what the suffixes ask for."""

    key: str
    effort: Effort | None = None
    thinking: bool | None = None


@lru_cache(maxsize=_CACHE_SIZE)
def _parse_name(name: str) -> _ParsedName:
    """Reduce every known spelling of a name to one key. Suffixes may come in any order. Cached,
    since every request names one of a few models.
    """
    rest = name.strip().lower().rpartition("/")[2].removesuffix("[1m]")
    rest = _PREFIX.sub("", rest).replace("_", "-")
    effort: Effort | None = None
    thinking: bool | None = None
    before = None
    while before != rest:
        before = rest
        rest = _DATE.sub("", _VERSION.sub("", rest)).removesuffix("-latest")
        if rest.endswith(("-thinking", ":thinking")):
            rest, thinking = rest[: -len("-thinking")], True
        if found := _EFFORT.search(rest):
            rest, effort = rest[: found.start()], cast(Effort, found[1])
    key = _NUMBER_FIRST.sub(r"claude-\2-\1", rest.replace(".", "-"))
    return _ParsedName(key.removesuffix("-0"), effort, thinking)


_BY_KEY = {_parse_name(model.id).key: model for model in MODELS}


class Resolution(Struct, frozen=True):
    """The model for a client's name. ``matched`` is false if nothing matched the name and the
    default model is used instead.

    ``effort`` and ``thinking`` are what the suffixes of the name asked for.
    """

    name: str
    model: Model
    matched: bool = True
    effort: Effort | None = None
    thinking: bool | None = None

    def apply(self, conversation: Conversation) -> Conversation:
        """Add what the name's suffixes ask for, unless the conversation sets it itself, and a note
        ``model:<name>`` if the default model is used instead of the named one.
        """
        if self.matched and self.effort is None and self.thinking is None:
            return conversation
        given = conversation.reasoning
        reasoning = Reasoning(
            self.thinking if given.enabled is None else given.enabled,
            given.effort or self.effort,
            given.omit_text,
        )
        notes = conversation.notes if self.matched else (*conversation.notes, f"model:{self.name}")
        if reasoning == given and notes is conversation.notes:
            return conversation
        return replace(conversation, reasoning=reasoning, notes=notes)


def resolve(name: str, default: str, aliases: Mapping[str, str]) -> Resolution:
    """The model for a client's ``name``: an alias, else a row of the table, else the default.

    Raises ValueError for an alias or a default that :func:`check` rejects.
    """
    wanted = name.strip().lower()
    for alias, target in aliases.items():
        if alias.lower() == wanted:
            return _target(name, target)
    is_default = wanted == default.lower()
    return _find(name, name) or replace(_target(name, default), matched=is_default)


def check(target: str) -> None:
    """Raises ValueError if ``target`` cannot be the target of an alias, or the default: it must be
    a model of the table in any spelling, or the service's id of a model that the table lacks.
    """
    _target(target, target)


def _find(name: str, target: str) -> Resolution | None:
    if len(target) > _LONGEST_NAME:
        return None
    parsed = _parse_name(target)
    model = _BY_KEY.get(parsed.key)
    if model is None:
        return None
    return Resolution(name, model, True, parsed.effort, parsed.thinking)


def _target(name: str, target: str) -> Resolution:
    if found := _find(name, target):
        return found
    if not _UPSTREAM_ID.fullmatch(target):
        raise ValueError(f"{target!r} is not a model id: letters, digits and _ : . - only")
    return Resolution(name, Model(target, target, target))


def listing(default: str, aliases: Mapping[str, str]) -> Iterator[Model]:
    """Every model that a client may name: the user's aliases, the default if the table lacks it,
    then the table, newest first.
    """
    for alias, target in aliases.items():
        yield replace(_target(alias, target).model, id=alias, name=alias)
    taken = {alias.lower() for alias in aliases}
    extra = () if _find(default, default) else (_target(default, default).model,)
    yield from (model for model in (*extra, *MODELS) if model.id.lower() not in taken)
