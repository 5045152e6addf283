"""Scripts and their JSON form, which is the same in directives, over HTTP and in process.

What is said stands in `think`, `text`, `tool`, `tools`, `interleaved`, `event`, `raw`, `exception`,
`error` (said in this order), or in `say`: a list of one-key objects in any order. `fail` is the
name of a fault, or an object of `fault`, `status`, `type`, `message`, `reason`, `headers` and
`body`. Every other key is a member of `Answer` or `Delivery`; an unknown key is an error, never
ignored. In a script each answer may also have `times` (how often it serves, default 1, null for
ever) and `match` (see `Match`).
"""

import base64
import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from app.simulator.catalogue.faults import NAMED, Fault
from app.simulator.checks.conversation import current_user

from .vocabulary import (
    Answer,
    Corrupt,
    Cut,
    Delivery,
    Error,
    Event,
    Interleaved,
    Part,
    Raised,
    Raw,
    Stall,
    Text,
    Think,
    Tool,
)

CHAT = "GenerateAssistantResponse"

_FOR_REPLIES = frozenset({"fail", "delay_head", "reset", "close_after"})
"""What an answer that is no event stream can be told; all else would have no effect."""


class ScriptError(ValueError):
    """A script or directive cannot be understood; the message says which key and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which requests an answer of a script is for.

    `operation` is the operation's or route's name (default the chat operation), `text` a piece of
    the current user message, `bearer` the access token that must have been sent.
    """

    operation: str = CHAT
    text: str | None = None
    bearer: str | None = None

    def fits(self, operation: str, body: Any, bearer: str) -> bool:
        """Say whether a request is meant."""
        if operation != self.operation or self.bearer not in (None, bearer):
            return False
        if self.text is None:
            return True
        return isinstance(body, dict) and self.text in str(current_user(body).get("content"))


@dataclass(slots=True)
class _Entry:
    answer: Answer
    match: Match
    left: int | None


class Script:
    """Answers waiting for their requests: the first that fits serves and is used up."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, forms: list[Any]) -> None:
        """Queue answers, all or, upon ScriptError, none."""
        self._entries += [_entry(form) for form in forms]

    def clear(self) -> None:
        """Forget all that waits."""
        self._entries.clear()

    def take(self, operation: str, body: Any, bearer: str) -> Answer | None:
        """Return the answer for a request and use it up once."""
        for entry in self._entries:
            if entry.match.fits(operation, body, bearer):
                if entry.left is not None:
                    entry.left -= 1
                    if entry.left <= 0:
                        self._entries.remove(entry)
                return entry.answer
        return None


def _entry(form: Any) -> _Entry:
    form = dict(_object(form, "an answer"))
    match = _build(Match, form.pop("match", {}))
    times = form.pop("times", 1)
    if times is not None and (not isinstance(times, int) or times < 1):
        raise ScriptError("times must be a positive number or null")
    if match.operation != CHAT:
        _check_reply(form, f"an answer to {match.operation}")
    return _Entry(parse(form), match, times)


def parse(form: Any) -> Answer:
    """Return the Answer that a JSON form describes; raises ScriptError."""
    try:
        return _parse(dict(_object(form, "an answer")))
    except ScriptError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError) as problem:
        raise ScriptError(f"an answer cannot be read: {problem!r}") from problem


def _parse(form: dict[str, Any]) -> Answer:
    if "fail" in form:
        _check_reply(form, "an answer that fails")
    if form.pop("empty", False):
        form |= {"say": [], "bare": True}
    delivery = {key: form.pop(key) for key in _DELIVERY if key in form}
    parts = _parts(form)
    if "fail" in form:
        form["fail"] = _fault(form["fail"])
    if "omit" in form:
        form["omit"] = tuple(form["omit"])
    return _build(Answer, {**form, "say": parts, "delivery": _delivery(delivery)})


def _check_reply(form: dict[str, Any], what: str) -> None:
    if useless := form.keys() - _FOR_REPLIES:
        raise ScriptError(f"{', '.join(sorted(useless))} would have no effect on {what}")
    if form.get("reset") == "head":
        raise ScriptError(f'reset "head" would have no effect on {what}')


def _delivery(form: dict[str, Any]) -> Delivery:
    nested: dict[str, Callable[[Any], Any]] = {
        "cut": lambda value: _build(Cut, value),
        "corrupt": lambda value: _build(Corrupt, value),
        "stall": lambda value: _build(Stall, value),
        "duplicate": tuple,
    }
    for key, convert in nested.items():
        if form.get(key) is not None:
            form[key] = convert(form[key])
    return _build(Delivery, form)


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
        if len(_object(item, "a part of say")) != 1 or next(iter(item)) not in _PARTS:
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


def _think(value: Any) -> Think:
    if not isinstance(value, dict) or "repeat" in value:
        return _build(Think, {"deltas": _deltas(value)})
    form = dict(value)
    return _build(Think, {"deltas": _deltas(form.pop("text", ())), **form})


def _tool(value: Any) -> Tool:
    form = dict(_object(value, "a tool"))
    if form.get("fragments") is not None:
        form["fragments"] = tuple(form["fragments"])
    return _build(Tool, form)


def _raised(value: Any) -> Raised:
    if isinstance(value, str):
        fault = _fault(value)
        return Raised(fault.type, fault.message, fault.reason)
    return _build(Raised, value)


def _fault(value: Any) -> Fault:
    if isinstance(value, str):
        if value not in NAMED:
            raise ScriptError(f"no fault is named {value!r}; there are {', '.join(NAMED)}")
        return NAMED[value]
    form = dict(_object(value, "fail"))
    base = _fault(form.pop("fault")) if "fault" in form else Fault(500)
    if isinstance(form.get("body"), dict | list):
        form["body"] = json.dumps(form["body"])
    if "headers" in form:
        form["headers"] = {**base.headers, **form["headers"]}
    _check_types(Fault, form)
    return dataclasses.replace(base, **form)


_PARTS: dict[str, Callable[[Any], list[Part]]] = {
    "think": lambda value: [_think(value)],
    "text": lambda value: [_build(Text, {"deltas": _deltas(value)})],
    "tool": lambda value: [_tool(value)],
    "tools": lambda value: [_tool(each) for each in value],
    "interleaved": lambda value: [Interleaved(tuple(_tool(each) for each in value))],
    "event": lambda value: [_build(Event, value)],
    "raw": lambda value: [Raw(base64.b64decode(value))],
    "exception": lambda value: [_raised(value)],
    "error": lambda value: [_build(Error, value)],
}
_DELIVERY = tuple(each.name for each in dataclasses.fields(Delivery))


_Kind = TypeVar("_Kind")


def _build(kind: type[_Kind], form: Any) -> _Kind:
    _check_types(kind, _object(form, kind.__name__.lower()))
    try:
        return kind(**form)
    except TypeError as problem:
        raise ScriptError(f"{kind.__name__.lower()}: {problem}") from problem


def _check_types(kind: Any, form: dict[str, Any]) -> None:
    known = {each.name: each.type for each in dataclasses.fields(kind)}
    for key, value in form.items():
        if key not in known:
            raise ScriptError(
                f"{kind.__name__.lower()} has no key {key!r}; it has {', '.join(known)}"
            )
        if not _fits(value, known[key]):
            raise ScriptError(f"{kind.__name__.lower()}.{key} must be {_name(known[key])}")


def _name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _fits(value: Any, annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(_fits(value, each) for each in get_args(annotation))
    if annotation is Any:
        return True
    if get_origin(annotation) is Literal:
        return value in get_args(annotation)
    expected = get_origin(annotation) or annotation
    if expected is float:
        return isinstance(value, int | float)
    if expected is int and isinstance(value, bool):
        return False
    if expected is tuple and get_args(annotation):
        return isinstance(value, tuple) and all(
            _fits(each, get_args(annotation)[0]) for each in value
        )
    return isinstance(value, dict if expected is Mapping else expected)


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ScriptError(f"{what} must be an object")
    return value
