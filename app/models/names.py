"""Which model a name means: the one table of models, and the many ways clients spell them.

The service knows a model by another id on each generation of its hosts, so the table has a column
for each. A name that no row and no alias knows is answered by the default model; the caller tells
the client. What no source states is None here and stays unsaid. Nothing here asks the service
which models an account has.

Sources: ids and windows from the Amazon Q CLI, the AWS language servers and answers of
ListAvailableModels; efforts from requests of kiro-cli; lifecycles from the Anthropic SDK's table of
deprecated models.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import replace

from app.core.conversation import Conversation, Effort, Reasoning

Generation: TypeAlias = Literal["codewhisperer", "q", "kiro"]
Lifecycle: TypeAlias = Literal["active", "deprecated"]
EffortField: TypeAlias = Literal["output_config", "reasoning"]

_UPSTREAM_ID = re.compile(r"[a-zA-Z0-9_:.-]{1,1024}")
_LONGEST_NAME = 256  # taking a name apart costs more than its length
_NAMES_KEPT = 256
_UNKNOWN_DATE = "1970-01-01"
_TO_HIGH: tuple[Effort, ...] = ("low", "medium", "high", "max")
_TO_XHIGH: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
_FROM_NONE: tuple[Effort, ...] = ("none", "low", "medium", "high", "xhigh", "max")


class Model(Struct, frozen=True):
    """One model.

    ``id`` is what clients are told; ``dotted`` the upstream's id of today, ``old`` the one that its
    older hosts also take where it differs. ``context_window`` and ``max_output`` are in tokens,
    None where not known. ``efforts`` are those the upstream lets a request choose, lowest first, in
    the member ``effort_field`` of the model's own request fields; without any, the model takes no
    such fields at all. A retired model that the service still serves is ``deprecated``.
    """

    id: str
    name: str
    dotted: str
    old: str = ""
    context_window: int | None = None
    max_output: int | None = None
    efforts: tuple[Effort, ...] = ()
    effort_field: EffortField = "output_config"
    lifecycle: Lifecycle = "active"

    def upstream_id(self, generation: Generation) -> str:
        """The ``modelId`` to send to a host of this generation."""
        return self.dotted if generation == "kiro" else self.old or self.dotted

    @property
    def created(self) -> str:
        """Date of the snapshot, ``YYYY-MM-DD``, as the id tells it; the epoch where it does not."""
        date = re.search(r"-(20\d{2})(\d{2})(\d{2})$", self.id)
        return "-".join(date.groups()) if date else _UNKNOWN_DATE


# fmt: off
MODELS: tuple[Model, ...] = (
    Model("claude-opus-5", "Claude Opus 5", "claude-opus-5", context_window=1_000_000),
    Model("claude-sonnet-5", "Claude Sonnet 5", "claude-sonnet-5", context_window=1_000_000),
    # 128,000 was accepted as max_tokens while one list of models said 64,000
    Model("claude-opus-4-8", "Claude Opus 4.8", "claude-opus-4.8",
          context_window=1_000_000, max_output=128_000, efforts=_TO_XHIGH),
    Model("claude-opus-4-7", "Claude Opus 4.7", "claude-opus-4.7",
          context_window=1_000_000, max_output=128_000, efforts=_TO_XHIGH),
    Model("claude-opus-4-6", "Claude Opus 4.6", "claude-opus-4.6",
          context_window=1_000_000, max_output=64_000, efforts=_TO_HIGH),
    Model("claude-sonnet-4-6", "Claude Sonnet 4.6", "claude-sonnet-4.6",
          context_window=1_000_000, max_output=64_000, efforts=_TO_HIGH),
    Model("claude-opus-4-5-20251101", "Claude Opus 4.5", "claude-opus-4.5",
          context_window=200_000),
    Model("claude-haiku-4-5-20251001", "Claude Haiku 4.5", "claude-haiku-4.5",
          context_window=200_000),
    Model("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", "claude-sonnet-4.5",
          "CLAUDE_SONNET_4_5_20250929_V1_0",
          context_window=200_000, max_output=64_000, lifecycle="deprecated"),
    Model("claude-sonnet-4-20250514", "Claude Sonnet 4", "claude-sonnet-4",
          "CLAUDE_SONNET_4_20250514_V1_0", context_window=200_000, lifecycle="deprecated"),
    Model("claude-3-7-sonnet-20250219", "Claude Sonnet 3.7", "claude-3.7-sonnet",
          "CLAUDE_3_7_SONNET_20250219_V1_0", context_window=200_000, lifecycle="deprecated"),
    # the service never had a Haiku 3.5: the older hosts get what the Go kiro2api sent for it,
    # the newest the Haiku that it has
    Model("claude-3-5-haiku-20241022", "Claude Haiku 3.5", "claude-haiku-4.5",
          "CLAUDE_3_7_SONNET_20250219_V1_0", context_window=200_000, lifecycle="deprecated"),
    Model("auto", "Auto (the service chooses)", "auto", max_output=64_000),
    Model("gpt-5.6-sol", "GPT-5.6 Sol", "gpt-5.6-sol",
          context_window=272_000, efforts=_FROM_NONE, effort_field="reasoning"),
    Model("gpt-5.6-terra", "GPT-5.6 Terra", "gpt-5.6-terra",
          context_window=272_000, efforts=_FROM_NONE, effort_field="reasoning"),
    Model("gpt-5.6-luna", "GPT-5.6 Luna", "gpt-5.6-luna",
          context_window=272_000, efforts=_FROM_NONE, effort_field="reasoning"),
    Model("deepseek-3.2", "DeepSeek 3.2", "deepseek-3.2", context_window=128_000),
    Model("minimax-m2.1", "MiniMax M2.1", "minimax-m2.1", context_window=200_000),
    Model("minimax-m2.5", "MiniMax M2.5", "minimax-m2.5", context_window=200_000),
    Model("glm-5", "GLM-5", "glm-5", context_window=200_000),
    Model("qwen3-coder-next", "Qwen3 Coder Next", "qwen3-coder-next", context_window=256_000),
)
# fmt: on

_PREFIX = re.compile(r"^(?:[a-z-]+\.)?(?:anthropic|openai|deepseek|qwen|minimax)\.")
_VERSION = re.compile(r"[-@]v\d+(?:[-:]\d+)?$|:\d+$")
_DATE = re.compile(r"[-@]20\d{6}$")
_EFFORT = re.compile(r"-(none|low|medium|high|xhigh|max)$")
_NUMBER_FIRST = re.compile(r"claude-(\d+(?:-\d+)?)-([a-z]+)$")


class _Spelling(Struct, frozen=True):
    """A name taken apart: what identifies the model, and what its suffixes ask for."""

    key: str
    effort: Effort | None = None
    thinking: bool | None = None


@lru_cache(maxsize=_NAMES_KEPT)
def _spelling(name: str) -> _Spelling:
    """Reduce every known way to write a name to one key; suffixes may come in any order. Clients
    ask for few models, and for them with each request.
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
    return _Spelling(key.removesuffix("-0"), effort, thinking)


_BY_KEY = {_spelling(model.id).key: model for model in MODELS}
_WINDOWS = {
    upstream: model.context_window
    for model in reversed(MODELS)
    for upstream in (model.old, model.dotted)
    if upstream
}


class Resolution(Struct, frozen=True):
    """What a client's name came to. ``exact`` is false where the default stands in for it.

    ``effort`` and ``thinking`` are what a suffix of the name asked for.
    """

    name: str
    model: Model
    exact: bool = True
    effort: Effort | None = None
    thinking: bool | None = None

    def apply(self, conversation: Conversation) -> Conversation:
        """The conversation with what the name's suffixes ask for, unless it says so itself, and
        with a note ``model:<name>`` where another model answers than the one named.
        """
        if self.exact and self.effort is None and self.thinking is None:
            return conversation
        given = conversation.reasoning
        reasoning = Reasoning(
            self.thinking if given.enabled is None else given.enabled,
            given.effort or self.effort,
            given.omit_text,
        )
        notes = conversation.notes if self.exact else (*conversation.notes, f"model:{self.name}")
        if reasoning == given and notes is conversation.notes:
            return conversation
        return replace(conversation, reasoning=reasoning, notes=notes)


def resolve(name: str, default: str, aliases: Mapping[str, str]) -> Resolution:
    """The model for a client's ``name``; aliases come before the table, the default last.

    Raises ValueError for an alias or a default that :func:`check` refuses.
    """
    wanted = name.strip().lower()
    for alias, target in aliases.items():
        if alias.lower() == wanted:
            return _target(name, target)
    is_default = wanted == default.lower()
    return _find(name, name) or replace(_target(name, default), exact=is_default)


def check(target: str) -> None:
    """Raises ValueError if ``target`` is nothing that an alias or the default can stand for: a row
    of the table in any spelling, or else the service's own id of a model that the table lacks.
    """
    _target(target, target)


def _find(name: str, spelled: str) -> Resolution | None:
    if len(spelled) > _LONGEST_NAME:
        return None
    spelling = _spelling(spelled)
    model = _BY_KEY.get(spelling.key)
    if model is None:
        return None
    return Resolution(name, model, True, spelling.effort, spelling.thinking)


def _target(name: str, target: str) -> Resolution:
    if found := _find(name, target):
        return found
    if not _UPSTREAM_ID.fullmatch(target):
        raise ValueError(f"{target!r} is not a model id: letters, digits and _ : . - only")
    return Resolution(name, Model(target, target, target))


def listing(default: str, aliases: Mapping[str, str]) -> Iterator[Model]:
    """Every model a client may name, newest first; before them the user's aliases, and the default
    if the table lacks it.
    """
    for alias, target in aliases.items():
        yield replace(_target(alias, target).model, id=alias, name=alias)
    taken = {alias.lower() for alias in aliases}
    own = () if _find(default, default) else (_target(default, default).model,)
    yield from (model for model in (*own, *MODELS) if model.id.lower() not in taken)


def context_window(upstream_id: str | None) -> int | None:
    """The window, in tokens, of the model that the service says answered; None if not known."""
    return _WINDOWS.get(upstream_id or "")
