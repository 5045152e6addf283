"""Reads a client's JSON Schema before anything is checked with it: is it a schema, and of a size
that can be checked?

What :mod:`.json_schema` evaluates is walked once, references included. The forms are those of Draft
2020-12; a schema that names an older draft may have the lists of ``items`` that those allow.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from app.core.pattern import Pattern, PatternError
from app.core.typed_json import FieldError, Path

MAX_VALUES = 10_000
"""Of one schema. The APIs themselves allow 5,000 properties, in all schemas of a request."""
MAX_DEPTH = 64
"""Levels of objects and lists."""
LONGEST_PATTERN = 1_000
"""Characters of a regular expression."""

UNCHECKED = frozenset({"unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef"})
"""Keywords whose evaluation cannot be bounded; neither API knows them."""

TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})

_Form: TypeAlias = Callable[[Any], bool]

Enter: TypeAlias = Callable[[Any, dict[str, Any]], Any]
"""For a schema and what references around it are resolved from: what those in it are resolved from.
Raises ValueError for an ``$id`` that is none."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_number(value) and value >= 0 and value == int(value)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_type(value: Any) -> bool:
    names = value if isinstance(value, list) and value else [value]
    return all(isinstance(name, str) and name in TYPES for name in names)


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _are_dependencies(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(each, dict | bool) or _is_names(each) for each in value.values()
    )


_NUMBER = (_is_number, "a number")
_COUNT = (_is_count, "a whole number that is not negative")
_STRING = (lambda value: isinstance(value, str), "a string")
_SCHEMA = (lambda value: isinstance(value, dict | bool), "a schema")
_SCHEMAS = (lambda value: isinstance(value, list) and bool(value), "a list of schemas")
_MAP = (_is_map, "an object of schemas")

FORMS: dict[str, tuple[_Form, str]] = {
    "type": (_is_type, f"one of {', '.join(sorted(TYPES))}, or a list of them"),
    "enum": (lambda value: isinstance(value, list), "a list"),
    "required": (_is_names, "a list of strings"),
    "dependentRequired": (
        lambda value: isinstance(value, dict) and all(map(_is_names, value.values())),
        "an object of lists of strings",
    ),
    "uniqueItems": (lambda value: isinstance(value, bool), "a boolean"),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number greater than 0"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _NUMBER),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _COUNT),
    **dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), _COUNT),
    **dict.fromkeys(("$ref", "$id", "$anchor", "$schema", "pattern"), _STRING),
    **dict.fromkeys(("items", "additionalItems", "additionalProperties"), _SCHEMA),
    **dict.fromkeys(("not", "contains"), _SCHEMA),
    **dict.fromkeys(("if", "then", "else", "propertyNames"), _SCHEMA),
    **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), _SCHEMAS),
    **dict.fromkeys(("properties", "patternProperties", "$defs", "definitions"), _MAP),
    "dependentSchemas": _MAP,
    "dependencies": (_are_dependencies, "an object of schemas and lists of strings"),
}
"""By keyword: whether a value has its form, and the form in words. Others are annotations."""


class Reference(NamedTuple):
    """A ``$ref``: its value, its place, and what it is resolved from."""

    value: str
    place: Path
    base: Any


class SchemaWalk:
    """What a schema refers to and has, found on the way: ``references``, and ``unchecked``, the
    keywords that will have no effect.
    """

    def __init__(self, enter: Enter, *, lists_of_items: bool) -> None:
        self.references: list[Reference] = []
        self.unchecked: dict[str, None] = {}
        self._enter = enter
        self._lists_of_items = lists_of_items
        self._seen: set[int] = set()

    def read(self, schema: Any, base: Any, path: Path = ()) -> None:
        """Read a schema and all below it, whose references are resolved from ``base`` or from what
        ``enter`` makes of it. Raises :class:`FieldError` for one that is not valid.
        """
        waiting = [(schema, base, path)]
        while waiting:
            node, base, place = waiting.pop()
            if id(node) in self._seen or isinstance(node, bool):
                continue
            if not isinstance(node, dict):
                raise FieldError(place, "this is not a JSON Schema: a schema is an object")
            self._seen.add(id(node))
            inner = [
                each
                for keyword, value in node.items()
                for each in self._keyword(keyword, value, (*place, keyword))
            ]
            if isinstance(node.get("$id"), str):
                base = self._entered(base, node, place)
            if isinstance(reference := node.get("$ref"), str):
                self.references.append(Reference(reference, (*place, "$ref"), base))
            waiting += [(schema, base, where) for schema, where in inner]

    def _entered(self, base: Any, node: dict[str, Any], place: Path) -> Any:
        try:
            return self._enter(base, node)
        except ValueError:
            problem = "this is not a valid JSON Schema: it must be a URI"
            raise FieldError((*place, "$id"), problem) from None

    def _keyword(self, keyword: str, value: Any, place: Path) -> Iterator[tuple[Any, Path]]:
        """Check one keyword; yields the schemas in it."""
        if keyword in UNCHECKED:
            self.unchecked[keyword] = None
        if keyword not in FORMS:
            return
        has_form, words = FORMS[keyword]
        is_list = keyword == "items" and self._lists_of_items and isinstance(value, list)
        if not (is_list or has_form(value)):
            raise FieldError(place, f"this is not a valid JSON Schema: it must be {words}")
        if keyword == "pattern":
            self._pattern(value, place)
        elif FORMS[keyword] is _MAP or keyword == "dependencies":
            yield from self._members(keyword, value, place)
        elif is_list or FORMS[keyword] is _SCHEMAS:
            for index, inner in enumerate(value):
                yield inner, (*place, index)
        elif FORMS[keyword] is _SCHEMA:
            yield value, place

    def _members(
        self, keyword: str, value: dict[str, Any], place: Path
    ) -> Iterator[tuple[Any, Path]]:
        for name, inner in value.items():
            if keyword != "dependencies" or not isinstance(inner, list):
                yield inner, (*place, name)
            if keyword == "patternProperties":
                self._pattern(name, (*place, name))

    def _pattern(self, pattern: str, place: Path) -> None:
        if len(pattern) > LONGEST_PATTERN:
            raise FieldError(place, f"a pattern may have {LONGEST_PATTERN} characters")
        try:
            Pattern(pattern, LONGEST_PATTERN)
        except PatternError:
            self.unchecked["pattern"] = None


def check_size(schema: Any) -> None:
    """Raises :class:`FieldError` for a schema of more values or levels than can be checked."""
    level, depth, values = [schema], 0, 0
    while level:
        depth += 1
        inner: list[Any] = []
        for node in level:
            inner += node.values() if isinstance(node, dict) else node
        values += len(inner)
        level = [node for node in inner if isinstance(node, dict | list)]
        if values > MAX_VALUES or depth > MAX_DEPTH:
            raise FieldError(
                (),
                f"the schema has more than {MAX_VALUES:,} values or {MAX_DEPTH} levels, which"
                " this gateway does not check an answer with; make it smaller",
            )
