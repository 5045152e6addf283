"""Reads the service's list of models, the answer to ListAvailableModels.

Sources: captures of kiro-cli 2.13.1 (July 2026) and a published answer of October 2026. Every
member may be missing or null, and what has an unexpected type counts as missing: a list that is
read in part is better than none. A figure that the list lacks is taken from the table. A row
without a schema is that of a model that takes no additional request fields.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, get_args

import msgspec
from msgspec.structs import replace

from app.core.conversation import Effort
from app.models.catalogue import STATIC
from app.models.model import (
    NO_FIELDS,
    EffortField,
    FieldSchema,
    InputType,
    Model,
    ThinkingDisplay,
    ThinkingType,
)

_ID = re.compile(r"[a-zA-Z0-9_:.-]{1,256}")
_LARGEST = 1e12  # a figure beyond it is a mistake
_ACRONYMS = frozenset({"gpt", "glm"})


class Page(NamedTuple):
    """One page of the list. ``default`` is the upstream id of the service's own choice, and
    ``next_token`` asks for the next page; both are "" if missing.
    """

    models: tuple[Model, ...]
    default: str
    next_token: str


def read_page(reply: object) -> Page:
    """A page of the list. A reply of another shape is a page without models."""
    members = _object(reply)
    rows = members.get("models")
    models = (_model(_object(row)) for row in (rows if isinstance(rows, list) else ()))
    return Page(
        tuple(model for model in models if model),
        _text(_object(members.get("defaultModel")).get("modelId")),
        _text(members.get("nextToken")),
    )


def _model(row: Mapping[str, Any]) -> Model | None:
    upstream_id = _text(row.get("modelId"))
    if not _ID.fullmatch(upstream_id):
        return None
    known = STATIC.with_current_id(upstream_id) or _unknown(upstream_id)
    limits = _object(row.get("tokenLimits"))
    fallbacks = row.get("refusalFallbackModels")
    fallback = fallbacks[0] if isinstance(fallbacks, list) and fallbacks else None
    return replace(
        known,
        context_window=_count(limits.get("maxInputTokens")) or known.context_window,
        max_output=_count(limits.get("maxOutputTokens")) or known.max_output,
        fields=_fields(row.get("additionalModelRequestFieldsSchema"), known.fields),
        input_types=_input_types(row.get("supportedInputTypes")) or known.input_types,
        rate=_number(row.get("rateMultiplier"), known.rate),
        cache_minimum=_cache_minimum(_object(row.get("promptCaching")), known.cache_minimum),
        refusal_fallback=_text(_object(fallback).get("modelId")),
    )


def _unknown(upstream_id: str) -> Model:
    """A model that the table lacks. Claude's ids have no dots for clients, which recognise a family
    by its id."""
    is_claude = upstream_id.startswith("claude-")
    own_id = upstream_id.replace(".", "-") if is_claude else upstream_id
    return Model(own_id, readable(upstream_id), upstream_id, input_types=("text",))


def readable(upstream_id: str) -> str:
    """A display name made from an id: ``claude-opus-6.1`` is Claude Opus 6.1."""
    first, *words = upstream_id.split("-")
    if first.lower() in _ACRONYMS and words:
        return " ".join([f"{first.upper()}-{words[0]}", *map(_capital, words[1:])])
    return " ".join(map(_capital, (first, *words)))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]


def _fields(schema: object, known: FieldSchema) -> FieldSchema:
    """What the schema lets additionalModelRequestFields hold. One that cannot be read says nothing,
    and the table's answer stays.
    """
    if schema is None:
        return NO_FIELDS
    if isinstance(schema, str):  # seen by some clients: the JSON as text
        try:
            schema = msgspec.json.decode(schema)
        except (msgspec.MsgspecError, RecursionError):
            return known
    members = _object(_object(schema).get("properties"))
    if not members:
        return NO_FIELDS if isinstance(schema, dict) else known
    thinking = _properties(members, "thinking")
    effort_field: EffortField = "reasoning" if "reasoning" in members else "output_config"
    effort = _object(_properties(members, effort_field).get("effort"))
    return FieldSchema(
        thinking=_listed(thinking.get("type"), ThinkingType),
        display=_listed(thinking.get("display"), ThinkingDisplay),
        efforts=_listed(effort, Effort),
        effort_field=effort_field,
        default_effort=next(iter(_known([effort.get("default")], Effort)), None),
        max_tokens=_bounds(_object(members.get("max_tokens"))),
    )


def _properties(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _object(_object(members.get(name)).get("properties"))


def _listed(schema: object, literal: Any) -> tuple[Any, ...]:
    """The values of a schema's enum that are known here, in the order of the type."""
    values = _object(schema).get("enum")
    return _known(values, literal) if isinstance(values, list) else ()


def _known(values: Iterable[object], literal: Any) -> tuple[Any, ...]:
    given = [value for value in values if isinstance(value, str)]
    return tuple(value for value in get_args(literal) if value in given)


def _bounds(schema: Mapping[str, Any]) -> tuple[int, int] | None:
    most = _count(schema.get("maximum"))
    return (_count(schema.get("minimum")) or 1, most) if most else None


def _input_types(given: object) -> tuple[InputType, ...]:
    words = given if isinstance(given, list) else ()
    return _known((str(word).lower() for word in words), InputType)


def _cache_minimum(caching: Mapping[str, Any], known: int | None) -> int | None:
    if caching.get("supportsPromptCaching") is False:
        return None
    return _count(caching.get("minimumTokensPerCacheCheckpoint")) or known


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    number = _number(value, None)
    return int(number) if number is not None and number >= 1 else None


def _number(value: object, default: float | None) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return float(value) if 0 <= value < _LARGEST else default
