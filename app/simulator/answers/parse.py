"""The JSON form of a scripted answer: the same in directives, over HTTP and in process.

The content is in `think`, `text`, `tool`, `tools`, `interleaved`, `event`, `raw`, `exception`,
`error` (sent in this order), or in `say`: a list of one-key objects in any order. `fail` is the
name of a fault or a reason of the service (see `catalogue.reasons`), or an object of `fault`,
`status`, `type`, `message`, `reason`, `headers`, `body` and `retry_after_milliseconds`: the fault
of that name, else the one that the reason comes in, with the other members changed. Every other key
is a member of `ScriptedAnswer` or `Delivery`. An unknown key is an error and never ignored.
"""

import base64
import dataclasses
import json
from collections.abc import Callable
from typing import Any

from app.simulator.catalogue.faults import NAMED, Fault
from app.simulator.catalogue.reasons import fault_with_reason

from .typed_form import ScriptError, as_object, build, check_types
from .vocabulary import (
    Corrupt,
    Cut,
    Delivery,
    ErrorPart,
    EventPart,
    ExceptionPart,
    InterleavedCallsPart,
    Part,
    RawPart,
    ScriptedAnswer,
    Stall,
    TextPart,
    ThinkingPart,
    ToolCallPart,
)

TAIL = ("metadataEvent", "contextUsageEvent", "meteringEvent")
"""The events that end a complete answer."""

_KEYS_WITHOUT_STREAM = frozenset({"fail", "delay_head", "reset", "close_after"})
"""The only keys that have an effect on an answer that is not an event stream."""


def parse(form: Any) -> ScriptedAnswer:
    """Return the answer that a JSON form describes. Raises ScriptError."""
    try:
        return _parse(dict(as_object(form, "an answer")))
    except ScriptError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError) as problem:
        raise ScriptError(f"an answer cannot be read: {problem!r}") from problem


def check_has_effect(form: dict[str, Any], what: str) -> None:
    """Raise ScriptError for a key that has no effect on an answer that is not an event stream."""
    if useless := form.keys() - _KEYS_WITHOUT_STREAM:
        raise ScriptError(f"{', '.join(sorted(useless))} would have no effect on {what}")
    if form.get("reset") == "head":
        raise ScriptError(f'reset "head" would have no effect on {what}')


def _parse(form: dict[str, Any]) -> ScriptedAnswer:
    if "fail" in form:
        check_has_effect(form, "an answer that fails")
    if form.pop("empty", False):
        form |= {"say": [], "bare": True}
    delivery = {key: form.pop(key) for key in _DELIVERY if key in form}
    parts = _parts(form)
    if "fail" in form:
        form["fail"] = _fault(form["fail"])
    if "omit" in form:
        form["omit"] = TAIL if form["omit"] == "tail" else tuple(form["omit"])
    if form.get("credits") is not None:
        credits = form["credits"]
        form["credits"] = tuple(credits) if isinstance(credits, list) else (credits,)
    form |= {"say": parts, "delivery": _delivery(delivery)}
    return build(ScriptedAnswer, form, "answer")


def _delivery(form: dict[str, Any]) -> Delivery:
    nested: dict[str, Callable[[Any], Any]] = {
        "cut": lambda value: build(Cut, value, "cut"),
        "corrupt": lambda value: build(Corrupt, value, "corrupt"),
        "stall": lambda value: build(Stall, value, "stall"),
        "duplicate": tuple,
    }
    for key, convert in nested.items():
        if form.get(key) is not None:
            form[key] = convert(form[key])
    return build(Delivery, form, "delivery")


def _parts(form: dict[str, Any]) -> tuple[Part, ...] | None:
    said = [{key: form.pop(key)} for key in _PARTS if key in form]
    if "say" in form:
        if said:
            raise ScriptError("give either say or its single parts, not both")
        said = form.pop("say")
    elif not said:
        return None
    parts: list[Part] = []
    for item in said:
        if len(as_object(item, "a part of say")) != 1 or next(iter(item)) not in _PARTS:
            raise ScriptError(f"a part of say has exactly one of {', '.join(_PARTS)}")
        [(key, value)] = item.items()
        parts.extend(_PARTS[key](value))
    return tuple(parts)


def _deltas(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, dict):
        delta: str = value["repeat"] * value.get("times", 1)
        return (delta,) * int(value.get("deltas", 1))
    return tuple(value)


def _thinking(value: Any) -> ThinkingPart:
    if not isinstance(value, dict) or "repeat" in value:
        return build(ThinkingPart, {"deltas": _deltas(value)}, "think")
    form = dict(value)
    return build(ThinkingPart, {"deltas": _deltas(form.pop("text", ())), **form}, "think")


def _tool_call(value: Any) -> ToolCallPart:
    form = dict(as_object(value, "a tool"))
    if form.get("fragments") is not None:
        form["fragments"] = tuple(form["fragments"])
    return build(ToolCallPart, form, "tool")


def _exception(value: Any) -> ExceptionPart:
    if isinstance(value, str) or "type" not in as_object(value, "exception"):
        fault = _fault(value)
        wait = fault.retry_after_milliseconds
        return ExceptionPart(fault.type, fault.message, fault.reason, wait, exact=False)
    return build(ExceptionPart, value, "exception")


def _fault(value: Any) -> Fault:
    if isinstance(value, str):
        fault = NAMED.get(value) or fault_with_reason(value)
        if fault is None:
            raise ScriptError(f"no fault is named {value!r}; there are {', '.join(NAMED)}")
        return fault
    form = dict(as_object(value, "fail"))
    base = _fault(form.pop("fault")) if "fault" in form else None
    if base is None and isinstance(form.get("reason"), str):
        base = fault_with_reason(form["reason"], form.get("type"))
    base = base or Fault(500)
    if isinstance(form.get("body"), dict | list):
        form["body"] = json.dumps(form["body"])
    if "headers" in form:
        form["headers"] = {**base.headers, **form["headers"]}
    check_types(Fault, form, "fault")
    return dataclasses.replace(base, **form)


_PARTS: dict[str, Callable[[Any], list[Part]]] = {
    "think": lambda value: [_thinking(value)],
    "text": lambda value: [build(TextPart, {"deltas": _deltas(value)}, "text")],
    "tool": lambda value: [_tool_call(value)],
    "tools": lambda value: [_tool_call(each) for each in value],
    "interleaved": lambda value: [InterleavedCallsPart(tuple(_tool_call(each) for each in value))],
    "event": lambda value: [build(EventPart, value, "event")],
    "raw": lambda value: [RawPart(base64.b64decode(value))],
    "exception": lambda value: [_exception(value)],
    "error": lambda value: [build(ErrorPart, value, "error")],
}
_DELIVERY = tuple(member.name for member in dataclasses.fields(Delivery))
