"""Checks values with a client's JSON Schema, by the library ``jsonschema``, in bounded time.

A schema is the client's and a value is the model's, so neither is trusted. Each keyword costs
steps, of which a check has as many as the value's size allows; regular expressions are searched by
an automaton (:mod:`app.core.pattern`), where ``re`` can take exponential time; items are compared
by their encoding, where the library compares each with each. Nothing is ever fetched: a reference
that does not point into the schema itself is refused.

The library is imported with the first schema: most workers never need it, and it takes 6 MB and up
to a fifth of a second.
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from fractions import Fraction
from functools import cache, lru_cache
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import msgspec

from app.core.pattern import Pattern, PatternError
from app.core.typed_json import FieldError

from .schema_forms import LONGEST_PATTERN, UNCHECKED, Enter, Reference, SchemaWalk, check_size

FIRST_STEPS, MAX_STEPS = 5_000, 200_000
"""Of one check: the first ones, and one more for each byte of the value, up to the maximum. A step
takes 10 to 20 us; a usual schema has two to ten for each member of an object.
"""
MOST_ERRORS = 20
"""Of which the best is reported."""
LONGEST_QUOTE = 300
"""Characters of what the model is told about its value."""
KEPT_SCHEMAS, LONGEST_KEPT = 64, 32 * 1024
"""Schemas in the cache, and the bytes of the largest one that is kept there."""

_Keyword: TypeAlias = Callable[[Any, Any, Any, Any], Any]
_canonical = msgspec.json.Encoder(order="sorted").encode


class Mismatch(NamedTuple):
    """How a value fails its schema. ``place`` is where in the schema, and may be logged.
    ``explained`` is for the model: it quotes the value.
    """

    place: str
    explained: str


class _Exhausted(Exception):
    """The steps of a check are used up."""


class Checker:
    """A schema that was read. ``unchecked`` are its keywords without effect."""

    def __init__(self, schema: dict[str, Any]) -> None:
        """Raises :class:`FieldError` with a path inside the schema if it is not valid."""
        check_size(schema)
        old = "2020-12" not in str(schema.get("$schema", "2020-12"))
        enter = _entering(old=old)
        walk = SchemaWalk(enter, lists_of_items=old)
        walk.read(schema, _resolver(schema, old=old))
        self._validator = _validator(schema, old=old)
        for reference in walk.references:  # grows while it is read
            target = _target(reference)
            walk.read(target.contents, target.resolver, reference.place)
        self.unchecked = tuple(walk.unchecked)

    def mismatch(self, value: Any) -> Mismatch | None:
        """How the value fails the schema, None if it does not."""
        from jsonschema.exceptions import best_match

        steps = [0]
        before = _steps.set(steps)
        try:
            steps[0] = min(MAX_STEPS, FIRST_STEPS + len(_canonical(value)))
            error = best_match(islice(self._validator.iter_errors(value), MOST_ERRORS))
        except (_Exhausted, RecursionError):
            return Mismatch("", "It is too large or too deeply nested to be checked.")
        finally:
            _steps.reset(before)
        if error is None:
            return None
        told = error.message
        if len(told) > LONGEST_QUOTE:
            told = f"the value does not meet {error.validator!r}: {error.validator_value!r}"
        return Mismatch(
            ".".join(map(str, error.absolute_schema_path)),
            f"At {error.json_path[:LONGEST_QUOTE]}: {told[:LONGEST_QUOTE]}",
        )


def checker(schema: dict[str, Any]) -> Checker:
    """The checker of a schema; agents send the same schemas with every turn. Raises
    :class:`FieldError`.
    """
    try:
        content = msgspec.json.encode(schema)
    except RecursionError:
        raise FieldError((), "the schema is nested too deeply") from None
    return _kept(content) if len(content) <= LONGEST_KEPT else Checker(schema)


@lru_cache(KEPT_SCHEMAS)
def _kept(content: bytes) -> Checker:
    return Checker(msgspec.json.decode(content))


# The library's validator, with keywords that count their steps

_steps: ContextVar[list[int]] = ContextVar("steps")


def _spend(count: int) -> None:
    left = _steps.get()
    left[0] -= count
    if left[0] < 0:
        raise _Exhausted


def _validator(schema: dict[str, Any], *, old: bool) -> Any:
    from referencing import Registry

    return _validator_class(old)(schema, registry=Registry())


@cache
def _validator_class(old: bool) -> Any:
    from jsonschema import Draft7Validator, Draft202012Validator
    from jsonschema.validators import extend

    base: Any = Draft7Validator if old else Draft202012Validator
    keywords = {name: _counted(keyword) for name, keyword in base.VALIDATORS.items()}
    own = {name: keyword for name, keyword in _BOUNDED.items() if name in keywords}
    return extend(base, keywords | own | dict.fromkeys(UNCHECKED, _nothing))


def _counted(keyword: _Keyword) -> _Keyword:
    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        sizes = sum(len(each) for each in (value, instance) if isinstance(each, dict | list))
        _spend(1 + sizes // 16)
        for error in keyword(validator, value, instance, schema) or ():
            _spend(1 + len(error.message) // 128)  # which may quote the whole value
            yield error

    return counted


def _nothing(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    return iter(())


def _error(message: str) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message)


@lru_cache(KEPT_SCHEMAS)
def _pattern(pattern: str) -> Pattern | None:
    """None for one that no automaton can search; it is among ``unchecked``."""
    try:
        return Pattern(pattern, LONGEST_PATTERN)
    except PatternError:
        return None


def _found(pattern: str, text: str) -> bool | None:
    _spend(1 + len(text) * len(pattern) // 256)
    compiled = _pattern(pattern)
    return None if compiled is None else compiled.found_in(text)


def _matches(validator: Any, pattern: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and _found(pattern, instance) is False:
        yield _error(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, dict):
        for pattern, inner in value.items():
            for name, member in instance.items():
                if _found(pattern, name):
                    yield from validator.descend(member, inner, path=name, schema_path=pattern)


def _additional(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    _spend(1 + len(instance) // 16)
    for name, member in instance.items():
        if name in known or any(_found(pattern, name) is not False for pattern in patterns):
            continue
        if value is False:
            yield _error(f"the property {name!r} is not allowed")
        elif isinstance(value, dict):
            yield from validator.descend(member, value, path=name)


def _encoded(value: Any) -> bytes:
    """The same for equal values. In JSON Schema 1 and 1.0 are equal."""
    encoded = _canonical(_with_integers(value))
    _spend(1 + len(encoded) // 1024)
    return encoded


def _with_integers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        _spend(len(value) // 16)
        return [_with_integers(item) for item in value]
    if isinstance(value, dict):
        _spend(len(value) // 16)
        return {name: _with_integers(item) for name, item in value.items()}
    return value


def _enum(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    wanted = _encoded(instance)
    if all(_encoded(each) != wanted for each in value):
        yield _error(f"{instance!r} is not one of {value!r}")


def _const(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if _encoded(instance) != _encoded(value):
        yield _error(f"{value!r} was expected")


def _unique(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not (value and isinstance(instance, list)):
        return
    if len({_encoded(item) for item in instance}) < len(instance):
        yield _error("the items of the list are not unique")


def _multiple(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """Exact, as the numbers are written: 0.3 is a multiple of 0.1, which the floats are not."""
    if validator.is_type(instance, "number") and _exact(instance) % _exact(value):
        yield _error(f"{instance!r} is not a multiple of {value!r}")


def _exact(number: float) -> Fraction:
    return Fraction(number if isinstance(number, int) else repr(number))


_BOUNDED: dict[str, _Keyword] = {
    "pattern": _matches,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
    "enum": _enum,
    "const": _const,
    "uniqueItems": _unique,
    "multipleOf": _multiple,
}
"""Keywords for which the library may take more than linear time, or fail: it divides integers that
no float can hold by floats."""


# References


def _specification(*, old: bool) -> Any:
    from referencing.jsonschema import DRAFT7, DRAFT202012

    return DRAFT7 if old else DRAFT202012


def _resolver(schema: dict[str, Any], *, old: bool) -> Any:
    """Resolves the references of a schema, as the library does."""
    from referencing import Registry

    resource = _specification(old=old).create_resource(schema)
    return Registry().resolver_with_root(resource)


def _entering(*, old: bool) -> Enter:
    """An ``$id`` inside of a schema changes what the references below it are resolved from."""
    create = _specification(old=old).create_resource

    def enter(resolver: Any, schema: dict[str, Any]) -> Any:
        return resolver.in_subresource(create(schema))

    return enter


def _target(reference: Reference) -> Any:
    """The schema that is referred to, and the resolver of the references in it."""
    from referencing.exceptions import Unresolvable

    try:
        return reference.base.lookup(reference.value)
    except (Unresolvable, LookupError, ValueError, TypeError):
        told = "the reference points nowhere in the schema; others are not fetched"
        raise FieldError(reference.place, told) from None
