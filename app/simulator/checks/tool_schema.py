"""The JSON Schemas that the upstream rejects as a tool's input schema.

Several independent gateways reported these rejections: a root that is not a plain object type, null
`required` or `properties`, an empty `required`, and validation keywords, which the service answers
with "Invalid tool use format.". A property may have a keyword's name: the check reads schemas only,
never the names inside `properties`, `$defs`, `enum`, `const`, `default` or `examples`.
"""

from collections.abc import Iterator
from typing import Any

# fmt: off
REJECTED_KEYWORDS = frozenset(
    {
        "$schema", "additionalProperties", "pattern", "format", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
        "minProperties", "maxProperties", "multipleOf", "uniqueItems", "if", "then", "else",
        "patternProperties", "propertyNames", "contains", "minContains", "maxContains",
        "unevaluatedProperties", "unevaluatedItems",
    }
)
# fmt: on

_NOT_AT_ROOT = frozenset({"oneOf", "anyOf", "allOf"})
_NAMED_SCHEMAS = ("properties", "$defs", "definitions")
_SCHEMAS = ("items", "not", "prefixItems", "anyOf", "oneOf", "allOf")


def problems(schema: Any) -> Iterator[str]:
    """Yield one sentence for each part of `schema` that the upstream rejects."""
    if not isinstance(schema, dict):
        yield "the schema must be an object"
        return
    if schema.get("type") != "object":
        yield 'the root must have "type": "object"'
    for keyword in sorted(_NOT_AT_ROOT & schema.keys()):
        yield f"{keyword} is not allowed at the root"
    pending: list[tuple[str, Any]] = [("#", schema)]
    while pending:
        path, node = pending.pop()
        if isinstance(node, dict):
            yield from _problems_of_node(path, node)
            pending.extend(_children(path, node))


def _problems_of_node(path: str, node: dict[str, Any]) -> Iterator[str]:
    for keyword in sorted(REJECTED_KEYWORDS & node.keys()):
        yield f"{path}: the keyword {keyword} is not allowed"
    if "properties" in node and not isinstance(node["properties"], dict):
        yield f"{path}: properties must be an object"
    if "required" not in node:
        return
    required = node["required"]
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield f"{path}: required must be a list of strings"
    elif not required:
        yield f"{path}: required must not be empty"


def _children(path: str, node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword in _NAMED_SCHEMAS:
        named = node.get(keyword)
        if isinstance(named, dict):
            yield from ((f"{path}/{keyword}/{name}", child) for name, child in named.items())
    for keyword in _SCHEMAS:
        child = node.get(keyword)
        if isinstance(child, dict):
            yield f"{path}/{keyword}", child
        elif isinstance(child, list):
            yield from ((f"{path}/{keyword}/{index}", each) for index, each in enumerate(child))
