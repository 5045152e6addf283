"""How much to think and to write, as the fields that the model's schema lists.

The service checks ``additionalModelRequestFields`` against a closed schema for each model, on every
host, and refuses a member or a value that is not listed, also ``{}`` for a model without a schema
(ListAvailableModels of kiro-cli; published measurements). What a model cannot do is reported as
ignored, and never imitated by words in the prompt.
"""

from typing import Any

from msgspec import Struct

from app.core.conversation import Effort, Reasoning
from app.models.model import FieldSchema, ThinkingDisplay, ThinkingType

LEAST_MAX_TOKENS = 8192
"""The least ``max_tokens`` that is sent while the model thinks: it bounds the thinking too, and a
small one leaves no room for the answer."""

_SCALE: tuple[Effort, ...] = ("none", "low", "medium", "high", "xhigh", "max")
_MOST_WITHOUT_THINKING: Effort = "high"
"""Anthropic's models refuse a higher effort while thinking is disabled."""


class RequestFields(Struct, frozen=True):
    """``fields`` is None if none are to be sent. ``ignored``: the client's settings without effect.
    ``repairs``: the settings that were changed to the nearest that the model has.
    ``bounds_output``: with them the service keeps the client's ``max_tokens``.
    """

    fields: dict[str, Any] | None = None
    ignored: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    bounds_output: bool = False


def request_fields(
    reasoning: Reasoning, max_tokens: int | None, schema: FieldSchema
) -> RequestFields:
    """The ``additionalModelRequestFields`` for the client's settings, by the model's schema."""
    off = reasoning.enabled is False or reasoning.effort == "none"
    thinking, thinking_ignored = _thinking(reasoning, schema, off=off)
    effort = _effort(reasoning, schema, off=off, thinking=thinking)
    is_off = thinking == "disabled" or effort == "none"
    limit = _limit(max_tokens, schema, thinks=not is_off)
    fields: dict[str, Any] = {}
    if thinking:
        fields["thinking"] = {"type": thinking} | _display(thinking, reasoning, schema)
    if effort:
        fields[schema.effort_field] = {"effort": effort}
    if limit:
        fields["max_tokens"] = limit
    wanted = reasoning.effort
    is_lost = wanted is not None and effort is None and not (wanted == "none" and is_off)
    bounds_output = max_tokens is not None and limit is not None and limit <= max_tokens
    ignored = {"thinking": thinking_ignored, "effort": is_lost}
    repairs = {
        "closest-thinking": reasoning.between_tools and thinking == "adaptive",
        "closest-effort": wanted is not None and effort not in (None, "none", wanted),
    }
    return RequestFields(fields or None, _names(ignored), _names(repairs), bounds_output)


def _names(found: dict[str, bool]) -> tuple[str, ...]:
    return tuple(name for name, is_so in found.items() if is_so)


def _thinking(
    reasoning: Reasoning, schema: FieldSchema, *, off: bool
) -> tuple[ThinkingType | None, bool]:
    """The type of thinking to ask for, None for no member; and whether the wish has no effect."""
    if off:
        if "disabled" in schema.thinking:
            return "disabled", False
        if "none" in schema.efforts:
            return None, False
        return ("between_tools" if "between_tools" in schema.thinking else None), True
    if not reasoning.enabled:
        return None, False
    if reasoning.between_tools and "between_tools" in schema.thinking:
        return "between_tools", False
    if "adaptive" in schema.thinking:
        return "adaptive", False
    by_effort = schema.effort_field == "reasoning" and bool(schema.efforts)
    return None, not by_effort


def _display(thinking: ThinkingType, reasoning: Reasoning, schema: FieldSchema) -> dict[str, str]:
    wanted: ThinkingDisplay = "omitted" if reasoning.omit_text else "summarized"
    return {"display": wanted} if thinking != "disabled" and wanted in schema.display else {}


def _effort(
    reasoning: Reasoning, schema: FieldSchema, *, off: bool, thinking: ThinkingType | None
) -> Effort | None:
    """The effort to ask for. Where thinking can be neither switched off nor kept between tool
    calls, the lowest effort is the nearest, unless the client wants another.
    """
    wanted = reasoning.effort
    if thinking == "disabled":
        if wanted == "none":
            return "none" if "none" in schema.efforts else None
        if wanted and _SCALE.index(wanted) > _SCALE.index(_MOST_WITHOUT_THINKING):
            wanted = _MOST_WITHOUT_THINKING
    elif off and ("none" in schema.efforts or (wanted is None and thinking is None)):
        wanted = "none"
    return _listed(wanted, schema.efforts) if wanted else None


def _listed(wanted: Effort, efforts: tuple[Effort, ...]) -> Effort | None:
    """The highest listed effort at or below ``wanted``, else the lowest; None if none is listed.
    Only a wish for ``none`` becomes ``none``.
    """
    if wanted in efforts:
        return wanted
    levels = [effort for effort in efforts if effort != "none"]
    below = [effort for effort in levels if _SCALE.index(effort) < _SCALE.index(wanted)]
    order = _SCALE.index
    return max(below, key=order) if below else min(levels, key=order, default=None)


def _limit(max_tokens: int | None, schema: FieldSchema, *, thinks: bool) -> int | None:
    if max_tokens is None or schema.max_tokens is None:
        return None
    if thinks and max_tokens < LEAST_MAX_TOKENS:
        return None
    least, most = schema.max_tokens
    return min(max(max_tokens, least), most)
