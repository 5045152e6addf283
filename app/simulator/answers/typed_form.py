"""JSON objects into dataclasses, with the types of their members checked."""

import dataclasses
from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

_Dataclass = TypeVar("_Dataclass")


class ScriptError(ValueError):
    """A script or directive is invalid. The message names the key and the reason."""


def build(dataclass: type[_Dataclass], form: Any, name: str) -> _Dataclass:
    """Return an instance of `dataclass` with the members of `form`; `name` is for error messages.

    Raises ScriptError.
    """
    check_types(dataclass, as_object(form, name), name)
    try:
        return dataclass(**form)
    except TypeError as problem:
        raise ScriptError(f"{name}: {problem}") from problem


def check_types(dataclass: Any, form: dict[str, Any], name: str) -> None:
    """Raise ScriptError if a key of `form` is not a member of `dataclass` or has another type."""
    known = {member.name: member.type for member in dataclasses.fields(dataclass)}
    for key, value in form.items():
        if key not in known:
            raise ScriptError(f"{name} has no key {key!r}; it has {', '.join(known)}")
        if not _has_type(value, known[key]):
            raise ScriptError(f"{name}.{key} must be {_type_name(known[key])}")


def as_object(value: Any, name: str) -> dict[str, Any]:
    """Return `value`. Raises ScriptError if it is not a JSON object."""
    if not isinstance(value, dict):
        raise ScriptError(f"{name} must be an object")
    return value


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _has_type(value: Any, annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(_has_type(value, member) for member in get_args(annotation))
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
        item_type = get_args(annotation)[0]
        return isinstance(value, tuple) and all(_has_type(item, item_type) for item in value)
    return isinstance(value, dict if expected is Mapping else expected)
