"""JSON Schemas of tools, reduced to what the service takes.

Kept: ``type``, ``properties``, ``items``, ``enum``, ``description``, ``required``, nested
``anyOf``, and ``$ref`` with the root's ``$defs`` or ``definitions``. Said in those words:
``const``, ``oneOf``, ``allOf``, lists of ``items``, references to other places. The rest is
dropped, since one or another keyword of it was refused by some host (null members, an empty
``required``, ``additionalProperties``, bounds, patterns and formats); what only keywords may lose,
names of properties and definitions never do. The root becomes one object.

Pure: equal schemas give equal results, so a caller may keep them by content.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args
from urllib.parse import unquote

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert
from msgspec.json import Encoder, decode

Schema: TypeAlias = dict[str, Any]
_T = TypeVar("_T")
NonEmpty: TypeAlias = Annotated[list[_T], Meta(min_length=1)]

KEPT, LONGEST_KEPT = 512, 16 * 1024
"""Results that are kept, of schemas of so many bytes: 8 MiB and their trees at the most."""

MAX_DEPTH = 64
MAX_NODES = 50_000
"""Bounds on nesting and on the size after references were written out."""

_encode = Encoder().encode

_TypeName: TypeAlias = Literal["object", "array", "string", "number", "integer", "boolean", "null"]
_TYPES = frozenset(get_args(_TypeName))
_DEFINITIONS = ("$defs", "definitions")


def normalised(schema: Schema, content: bytes | None = None) -> Schema:
    """The schema as the service takes it; ``schema`` itself if it already is. ``content`` is its
    JSON, where the caller has it.

    Raises ValueError if it is nested or grows beyond the bounds above.
    """
    if content is None:
        content = _json(schema)
    known = 0 < len(content) <= LONGEST_KEPT
    reduced = _kept(content) if known else _reduced(schema)
    return schema if reduced is None else reduced


def _json(schema: Schema) -> bytes:
    try:
        return _encode(schema)
    except RecursionError:
        return b""


@lru_cache(maxsize=KEPT)
def _kept(content: bytes) -> Schema | None:
    """An agent sends the same tools every turn: what was worked out for one is kept, and shared by
    all who ask for it. Nobody may change it.
    """
    return _reduced(decode(content))


def _reduced(schema: Schema) -> Schema | None:
    """None where nothing is to be done."""
    try:
        convert(schema, _PlainRoot)
    except (ValidationError, RecursionError):
        result = _Normaliser(schema).root()
        return None if result == schema else result
    return None


class _Plain(Struct, forbid_unknown_fields=True, rename="camel"):
    """The usual schema that needs nothing, recognised many times faster than by a pass over it."""

    type: _TypeName | NonEmpty[_TypeName] | UnsetType = UNSET
    description: str | UnsetType = UNSET
    properties: "dict[str, _Plain] | UnsetType" = UNSET
    items: "_Plain | UnsetType" = UNSET
    enum: NonEmpty[Any] | UnsetType = UNSET
    required: NonEmpty[str] | UnsetType = UNSET
    any_of: "NonEmpty[_Plain] | UnsetType" = UNSET


class _PlainRoot(Struct, forbid_unknown_fields=True):
    type: Literal["object"]
    description: str | UnsetType = UNSET
    properties: dict[str, _Plain] | UnsetType = UNSET
    required: NonEmpty[str] | UnsetType = UNSET


class _Normaliser:
    """One pass over one document."""

    def __init__(self, document: Schema) -> None:
        self._document = document
        self._nodes = 0
        self._open: set[str] = set()

    def root(self) -> Schema:
        result = self._as_object(self._clean(self._document, 0))
        refers = _refers(result)
        for section in _DEFINITIONS:
            definitions = self._document.get(section)
            if refers and isinstance(definitions, dict):
                result[section] = self._properties(definitions, 0)
        return result

    def _clean(self, node: Any, depth: int) -> Schema:
        if not isinstance(node, dict):  # true and false are schemas too
            return {}
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise ValueError(
                f"the schema is nested deeper than {MAX_DEPTH} levels or has, references written "
                f"out, more than {MAX_NODES} nodes"
            )
        result: Schema = {}
        for keyword, value in node.items():
            if clean := _KEYWORDS.get(keyword):
                name, kept = clean(self, value, depth + 1)
                if kept is not None:
                    both = name == "anyOf" and name in result
                    result[name] = result[name] + kept if both else result.get(name, kept)
        if "$ref" in result:
            result = self._reference(result, depth)
        return self._all_of(result, depth) if "allOf" in result else result

    def _properties(self, value: Any, depth: int) -> Schema | None:
        if not isinstance(value, dict):
            return None
        return {name: self._clean(sub, depth) for name, sub in value.items()}

    def _items(self, value: Any, depth: int) -> Schema | None:
        if isinstance(value, list):
            branches = self._branches(value, depth)
            return {"anyOf": branches} if branches else None
        return self._clean(value, depth) if isinstance(value, dict) else None

    def _branches(self, value: Any, depth: int) -> list[Schema] | None:
        if not isinstance(value, list):
            return None
        return [self._clean(sub, depth) for sub in value] or None

    def _all_of(self, node: Schema, depth: int) -> Schema:
        """Everything that the branches say, said by one schema."""
        branches = node.pop("allOf")
        if len(branches) == 1:  # the usual way to put a description beside a reference
            return _merged(branches[0], node)
        expanded = [self._expanded(branch, depth) for branch in branches]
        return _merged(*reversed(expanded), node)

    def _reference(self, node: Schema, depth: int) -> Schema:
        """Keep what points at the root or a definition, write out what points elsewhere."""
        return node if self._points_at_kept(node["$ref"]) else self._expanded(node, depth)

    def _points_at_kept(self, reference: str) -> bool:
        path = _pointer(reference)
        if not path:
            return path is not None
        section = self._document.get(path[0]) if path[0] in _DEFINITIONS else None
        return len(path) == 2 and isinstance(section, dict) and path[1] in section

    def _expanded(self, node: Schema, depth: int) -> Schema:
        """``node`` with its reference written out."""
        node, opened = self._opened(node, depth)
        self._open -= opened
        return node

    def _opened(self, node: Schema, depth: int) -> tuple[Schema, set[str]]:
        """The same, and the references that are now being written out: one that comes back inside
        itself allows anything, as does one that points nowhere.
        """
        opened: set[str] = set()
        while (reference := node.pop("$ref", None)) is not None and reference not in self._open:
            self._open.add(reference)
            opened.add(reference)
            node = _merged(self._clean(_resolve(self._document, reference), depth + 1), node)
        return node, opened

    def _as_object(self, node: Schema) -> Schema:
        """One object for a root of alternatives: a property of any of them may be given, and one
        that all of them require must be.
        """
        node, opened = self._opened(node, 0)
        alternatives = [self._as_object(branch) for branch in node.pop("anyOf", ())]
        self._open -= opened
        all_told = [part["properties"] for part in (node, *alternatives) if "properties" in part]
        properties = _united(all_told) if all_told or alternatives else None
        result: Schema = {"type": "object"}
        if "description" in node:
            result["description"] = node["description"]
        if properties is not None or self._document.get("type") != "object":
            result["properties"] = properties or {}
        if required := _required([*node.get("required", ()), *_in_all(alternatives)]):
            result["required"] = required
        return result


def _refers(node: Schema) -> bool:
    """Whether a reference is left somewhere inside."""
    inner = [*node.get("properties", {}).values(), *node.get("anyOf", ())]
    if "items" in node:
        inner.append(node["items"])
    return "$ref" in node or any(map(_refers, inner))


def _in_all(alternatives: list[Schema]) -> list[str]:
    """Names that every alternative requires."""
    first, *others = [dict.fromkeys(one.get("required", ())) for one in alternatives] or [{}]
    return [name for name in first if all(name in names for names in others)]


def _type(value: Any) -> str | list[str] | None:
    if isinstance(value, list):
        return [name for name in value if isinstance(name, str) and name in _TYPES] or None
    return value if isinstance(value, str) and value in _TYPES else None


def _required(value: Any) -> list[str] | None:
    if not isinstance(value, list):
        return None
    return list(dict.fromkeys(name for name in value if isinstance(name, str))) or None


def _merged(*schemas: Schema) -> Schema:
    """What all of them say together; where they differ the last one is right."""
    result: Schema = {}
    for schema in schemas:
        result |= schema
    properties = [schema["properties"] for schema in reversed(schemas) if "properties" in schema]
    if properties:
        result["properties"] = _united(properties)
    required = [schema["required"] for schema in schemas if "required" in schema]
    if required:
        result["required"] = list(dict.fromkeys(chain.from_iterable(required)))
    return result


def _united(told: Sequence[Schema]) -> Schema:
    """The properties of all; one that several tell differently may be any of what they tell."""
    if len(told) == 1:
        return told[0]
    options: dict[str, dict[bytes, Schema]] = {}
    for properties in told:
        for name, schema in properties.items():
            known = options.setdefault(name, {})
            for option in schema["anyOf"] if list(schema) == ["anyOf"] else [schema]:
                known[_encode(option)] = option
    return {name: _any_of([*known.values()]) for name, known in options.items()}


def _any_of(options: Sequence[Schema]) -> Schema:
    return options[0] if len(options) == 1 else {"anyOf": [*options]}


def _pointer(reference: str) -> list[str] | None:
    """The path of a reference into the document itself, None for any other."""
    if reference == "#":
        return []
    if not reference.startswith("#/"):
        return None
    steps = unquote(reference[2:]).split("/")
    return [step.replace("~1", "/").replace("~0", "~") for step in steps]


def _resolve(document: Schema, reference: str) -> Any:
    path = _pointer(reference)
    node: Any = document if path is not None else None
    for step in path or ():
        if isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            node = node[int(step)]
        else:
            node = node.get(step) if isinstance(node, dict) else None
    return node


_Cleaner: TypeAlias = Callable[[_Normaliser, Any, int], tuple[str, Any]]

_KEYWORDS: dict[str, _Cleaner] = {
    "type": lambda _, value, depth: ("type", _type(value)),
    "description": lambda _, value, depth: (
        "description",
        value if isinstance(value, str) else None,
    ),
    "enum": lambda _, value, depth: ("enum", value if value and isinstance(value, list) else None),
    "const": lambda _, value, depth: ("enum", [value]),
    "required": lambda _, value, depth: ("required", _required(value)),
    "properties": lambda self, value, depth: ("properties", self._properties(value, depth)),
    "items": lambda self, value, depth: ("items", self._items(value, depth)),
    "prefixItems": lambda self, value, depth: ("items", self._items(value, depth)),
    "anyOf": lambda self, value, depth: ("anyOf", self._branches(value, depth)),
    "oneOf": lambda self, value, depth: ("anyOf", self._branches(value, depth)),
    "allOf": lambda self, value, depth: ("allOf", self._branches(value, depth)),
    "$ref": lambda _, value, depth: ("$ref", value if isinstance(value, str) else None),
}
