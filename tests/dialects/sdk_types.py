"""Every field of the SDKs' request types, and a request that uses it.

The types are ``TypedDict``s, walked from the parameters of the call. A field is known by its path:
``messages[user].content[image].source``; the variants of a union are told apart by their ``type``
or ``role``. A type that several fields share is walked once, where it is met first.
"""

import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from typing_extensions import is_typeddict

_LISTS = (list, Iterable, Sequence)
_MAPS = (dict, Mapping)


@dataclass(frozen=True)
class Step:
    """The member ``name`` of an object of type ``of``; ``variant`` is the object inside it that the
    path goes on with."""

    of: Any
    name: str
    variant: Any = None


@dataclass(frozen=True)
class Field:
    """One field of a request."""

    path: str
    steps: tuple[Step, ...]


def fields(root: Any) -> Iterator[Field]:
    """Every field of the type and of the types in it."""
    waiting: deque[tuple[str, tuple[Step, ...], Any]] = deque([("", (), root)])
    seen = {root}
    while waiting:
        path, steps, kind = waiting.popleft()
        for name, hint in members(kind).items():
            here = f"{path}.{name}" if path else name
            yield Field(here, (*steps, Step(kind, name)))
            for variant in dict.fromkeys(objects(hint)):
                if variant not in seen:
                    seen.add(variant)
                    inside = (*steps, Step(kind, name, variant))
                    waiting.append((here + label(variant), inside, variant))


@cache
def members(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def bare(hint: Any) -> Any:
    """The type without Required, Annotated and the like."""
    while get_origin(hint) in (Required, NotRequired, Annotated):
        hint = get_args(hint)[0]
    return hint


def alternatives(hint: Any) -> list[Any]:
    """The types of a union; the type itself if it is none."""
    hint = bare(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return [inner for each in get_args(hint) for inner in alternatives(each)]
    return [hint]


def objects(hint: Any) -> Iterator[Any]:
    """The objects that a value of this type can be, or hold in lists."""
    for each in alternatives(hint):
        if is_typeddict(each):
            yield each
        elif get_origin(each) in (*_LISTS, *_MAPS):
            yield from objects(get_args(each)[-1])


def label(kind: Any) -> str:
    """How the path tells the object from others in its place."""
    for name in ("type", "role"):
        hint = alternatives(members(kind).get(name))[0]
        if get_origin(hint) is Literal:
            return f"[{get_args(hint)[0]}]"
    return ""


def request(field: Field, samples: Mapping[str, Any]) -> dict[str, Any]:
    """A request of the type that uses the field and otherwise only what is required. ``samples``
    are values by the end of a path, for fields that not every value of their type fits.
    """
    last = field.steps[-1]
    value = sample(members(last.of)[last.name], field.path, samples)
    for number in range(len(field.steps) - 1, -1, -1):
        step = field.steps[number]
        if step.variant is not None:
            value = _wrapped(members(step.of)[step.name], step.variant, value)
        path = _path(field.steps[:number])
        value = minimal(step.of, path, samples, without=step.name) | {step.name: value}
    assert isinstance(value, dict)
    return value


def _path(steps: Sequence[Step]) -> str:
    return ".".join(step.name + (label(step.variant) if step.variant else "") for step in steps)


def _wrapped(hint: Any, variant: Any, value: Any) -> Any:
    """The object as the field has it: inside a list, or as a member of a mapping."""
    for each in alternatives(hint):
        if each is variant:
            return value
        if get_origin(each) in _LISTS and variant in objects(get_args(each)[-1]):
            return [_wrapped(get_args(each)[-1], variant, value)]
        if get_origin(each) in _MAPS and variant in objects(get_args(each)[-1]):
            return {"a": value}
    raise AssertionError(f"{variant} is not in {hint}")


def minimal(kind: Any, path: str, samples: Mapping[str, Any], without: str = "") -> dict[str, Any]:
    """An object with its required members, and its type."""
    found = {}
    for name, hint in members(kind).items():
        if (_is_required(kind, name) or name in ("type", "role")) and name != without:
            found[name] = sample(hint, f"{path}.{name}" if path else name, samples)
    return found


def _is_required(kind: Any, name: str) -> bool:
    """``__required_keys__`` knows nothing of a Required or NotRequired inside a string."""
    origin = get_origin(members(kind)[name])
    if origin in (Required, NotRequired):
        return origin is Required
    return name in kind.__required_keys__


def sample(hint: Any, path: str, samples: Mapping[str, Any]) -> Any:
    """A value of the type, for the field at that path."""
    for end in sorted(samples, key=len, reverse=True):
        if path == end or path.endswith(("." + end, "]" + end)):
            return samples[end]
    each = alternatives(hint)[0]
    origin = get_origin(each)
    if origin is Literal:
        return get_args(each)[0]
    if is_typeddict(each):
        found = minimal(each, path + label(each), samples)
        name, first = next(iter(members(each).items()))  # an empty object asks for nothing
        return found or {name: sample(first, f"{path}{label(each)}.{name}", samples)}
    if origin in _LISTS:
        return [sample(get_args(each)[-1], path, samples)]
    if origin in _MAPS or each in _MAPS:
        return {"a": "b"}
    plain = {str: "a", int: 1, float: 0.5, bool: True, object: "a", Any: "a"}
    return plain.get(each, "a")
