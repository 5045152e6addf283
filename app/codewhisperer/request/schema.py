"""Reduces the JSON Schemas of tools to what the service accepts.

Kept: ``type``, ``properties``, ``items``, ``enum``, ``description``, ``required``, nested
``anyOf``, and ``$ref`` with the root's ``$defs`` or ``definitions``. Rewritten with these
keywords: ``const``, ``oneOf``, ``allOf``, lists of ``items``, references to other places. All
other keywords are dropped, since each was rejected by some host (null members, an empty
``required``, ``additionalProperties``, bounds, patterns and formats). Names of properties and
definitions are never dropped, even if they look like keywords. The root becomes one object.

Pure: equal schemas give equal results, so results can be cached by content.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, TypeVar, get_args

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert
from msgspec.json import Encoder, decode

from . import json_pointer
from .growth import OF_A_TOOL, Growth

Schema: TypeAlias = dict[str, Any]
_T = TypeVar("_T")
NonEmpty: TypeAlias = Annotated[list[_T], Meta(min_length=1)]

CACHE_SIZE, LONGEST_CACHED = 512, 16 * 1024
"""Results in the cache, and the largest schema cached in bytes: at most 8 MiB plus the trees."""

MAX_DEPTH = 64
MAX_NODES = 50_000
"""Limits on nesting and on the number of nodes after references were expanded."""

_encode = Encoder().encode

_TypeName: TypeAlias = Literal["object", "array", "string", "number", "integer", "boolean", "null"]
_TYPES = frozenset(get_args(_TypeName))
_DEFINITIONS = ("$defs", "definitions")


class Reduced(NamedTuple):
    """``schema`` is None if it needed no change, else ``json`` is its JSON; ``added``: the bytes of
    expanded references."""

    schema: Schema | None
    added: int = 0
    json: bytes = b""


def normalised(
    schema: Schema, content: bytes | None = None, growth: Growth | None = None
) -> Schema:
    """The schema in the service's form; ``schema`` itself if it already has that form. ``content``
    is the schema as JSON, if the caller has it; ``growth`` is that of all schemas of the request.

    Raises ValueError if the schema exceeds the limits above, or those of :mod:`.growth`.
    """
    found = reduced(schema, _json(schema) if content is None else content, growth)
    return schema if found.schema is None else found.schema


def reduced(schema: Schema, content: bytes, growth: Growth | None = None) -> Reduced:
    """What the schema becomes in the service's form; the rest as in :func:`normalised`."""
    found = _cached(content) if 0 < len(content) <= LONGEST_CACHED else None
    if found is None:
        found = _reduced(schema, len(content))
    if growth is not None and found.added:
        growth.add(found.added)
    return found


def _json(schema: Any) -> bytes:
    try:
        return _encode(schema)
    except RecursionError:
        return b""


@lru_cache(maxsize=CACHE_SIZE)
def _cached(content: bytes) -> Reduced | None:
    """Agents send the same tools every turn. Results are shared and must not be changed. None for a
    result that is too large to be kept.
    """
    found = _reduced(decode(content), len(content))
    return found if found.added <= LONGEST_CACHED else None


def _reduced(schema: Schema, size: int) -> Reduced:
    try:
        convert(schema, _PlainRoot)
    except (ValidationError, RecursionError):
        growth = Growth(size, OF_A_TOOL)
        result = _Normaliser(schema, growth).root()
        if result == schema:
            return Reduced(None, growth.added)
        return Reduced(result, growth.added, _encode(result))
    return Reduced(None)


class _Plain(Struct, forbid_unknown_fields=True, rename="camel"):
    """A schema that needs no change. Most do not, and msgspec finds that out many times faster than
    a pass in Python.
    """

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
    """Reduces one document in one pass."""

    def __init__(self, document: Schema, growth: Growth) -> None:
        self._document = document
        self._growth = growth
        self._contents: dict[str, bytes] = {}  # what each reference stands for, as JSON
        self._targets: dict[tuple[str, int], Schema] = {}  # and reduced, at a depth
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
        if not isinstance(node, dict):  # the schemas true and false
            return {}
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise ValueError(
                f"the schema is nested more than {MAX_DEPTH} levels deep or has more than"
                f" {MAX_NODES} nodes with its references expanded"
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
        """Merge the branches of ``allOf`` into one schema."""
        branches = node.pop("allOf")
        if len(branches) == 1:  # the usual way to put a description beside a reference
            return _merged(branches[0], node)
        expanded = [self._expanded(branch, depth) for branch in _distinct(branches)]
        return _merged(*reversed(expanded), node)

    def _reference(self, node: Schema, depth: int) -> Schema:
        """Keep a reference to the root or to a definition, expand all others."""
        return node if self._points_at_kept(node["$ref"]) else self._expanded(node, depth)

    def _points_at_kept(self, reference: str) -> bool:
        path = json_pointer.path_of(reference)
        if not path:
            return path is not None
        section = self._document.get(path[0]) if path[0] in _DEFINITIONS else None
        return len(path) == 2 and isinstance(section, dict) and path[1] in section

    def _expanded(self, node: Schema, depth: int) -> Schema:
        """``node`` with its reference expanded."""
        node, opened = self._opened(node, depth)
        self._open -= opened
        return node

    def _opened(self, node: Schema, depth: int) -> tuple[Schema, set[str]]:
        """As ``_expanded``, but the expanded references stay open and are returned too. A reference
        inside its own expansion allows anything, as does one that points nowhere.
        """
        opened: set[str] = set()
        while (reference := node.pop("$ref", None)) is not None and reference not in self._open:
            self._open.add(reference)
            opened.add(reference)
            node = _merged(self._target(reference, depth + 1), node)
        return node, opened

    def _target(self, reference: str, depth: int) -> Schema:
        """What the reference stands for, reduced; the same object each time if that depends on
        nothing else.
        """
        target = json_pointer.resolve(self._document, reference)
        if reference not in self._contents:
            self._contents[reference] = _json(target)
        content = self._contents[reference]
        self._growth.add(len(content))
        if b'"$ref"' in content:
            return self._clean(target, depth)
        key = reference, depth
        if key not in self._targets:
            self._targets[key] = self._clean(target, depth)
        return self._targets[key]

    def _as_object(self, node: Schema) -> Schema:
        """Merge a root with alternatives into one object: it allows the properties of every
        alternative and requires those that all alternatives require.
        """
        node, opened = self._opened({**node}, 0)
        alternatives = [self._as_object(branch) for branch in node.pop("anyOf", ())]
        self._open -= opened
        sources = [part["properties"] for part in (node, *alternatives) if "properties" in part]
        properties = _united(sources) if sources or alternatives else None
        result: Schema = {"type": "object"}
        if "description" in node:
            result["description"] = node["description"]
        if properties is not None or self._document.get("type") != "object":
            result["properties"] = properties or {}
        if required := _required([*node.get("required", ()), *_in_all(alternatives)]):
            result["required"] = required
        return result


def _distinct(branches: Sequence[Schema]) -> list[Schema]:
    """Without repeated branches that are nothing but a reference: the second changes nothing."""
    seen: set[str] = set()
    distinct = []
    for branch in branches:
        if [*branch] == ["$ref"]:
            if branch["$ref"] in seen:
                continue
            seen.add(branch["$ref"])
        distinct.append(branch)
    return distinct


def _refers(node: Schema) -> bool:
    """Whether ``node`` contains a reference at any depth."""
    inner = [*node.get("properties", {}).values(), *node.get("anyOf", ())]
    if "items" in node:
        inner.append(node["items"])
    return "$ref" in node or any(map(_refers, inner))


def _in_all(alternatives: list[Schema]) -> list[str]:
    """The names that every alternative requires."""
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
    """All schemas in one; where they conflict, the last one wins."""
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


def _united(sources: Sequence[Schema]) -> Schema:
    """The properties of all sources; a property with several definitions becomes ``anyOf`` them."""
    if len(sources) == 1:
        return sources[0]
    options: dict[str, dict[bytes, Schema]] = {}
    for properties in sources:
        for name, schema in properties.items():
            known = options.setdefault(name, {})
            for option in schema["anyOf"] if list(schema) == ["anyOf"] else [schema]:
                known[_encode(option)] = option
    return {name: _any_of([*known.values()]) for name, known in options.items()}


def _any_of(options: Sequence[Schema]) -> Schema:
    return options[0] if len(options) == 1 else {"anyOf": [*options]}


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
