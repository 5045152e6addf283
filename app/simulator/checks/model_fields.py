"""`additionalModelRequestFields` against the schema of the model, in the words of the service.

Sources of the texts: refusals that users of kiro-cli and other gateways published. The service does
not publish its text for a value outside an enumeration; it is here in the words of the validator
that the other texts come from (networknt's json-schema-validator).
"""

from collections.abc import Iterator
from typing import Any

NOT_SUPPORTED = "additionalModelRequestFields is not supported for this model"

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
}


def problems(fields: Any, schema: dict[str, Any] | None) -> Iterator[str]:
    """Yield the service's message for each part of `fields` that the schema does not allow.

    `schema` is None for a model that takes no fields; then even an empty object is refused.
    """
    if schema is None:
        yield NOT_SUPPORTED
        return
    for problem in _mismatches(fields, schema):
        yield f"Invalid additionalModelRequestFields: {problem}"


def _mismatches(value: Any, schema: dict[str, Any]) -> Iterator[str]:
    expected = schema.get("type")
    if expected in _TYPES and not _is(value, expected):
        yield f"{_type_of(value)} found, {expected} expected"
        return
    if "enum" in schema and value not in schema["enum"]:
        allowed = ", ".join(str(each) for each in schema["enum"])
        yield f"does not have a value in the enumeration [{allowed}]"
    if isinstance(value, dict):
        yield from _mismatches_of_members(value, schema)
    elif isinstance(value, int | float):
        if value < schema.get("minimum", value):
            yield f"must have a minimum value of {float(schema['minimum'])}"
        if value > schema.get("maximum", value):
            yield f"must have a maximum value of {float(schema['maximum'])}"


def _mismatches_of_members(value: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"required property '{name}' not found"
    for name, member in value.items():
        if name in properties:
            yield from _mismatches(member, properties[name])
        elif schema.get("additionalProperties") is False:
            yield (
                f"property '{name}' is not defined in the schema and the schema does not allow "
                "additional properties"
            )


def _is(value: Any, expected: str) -> bool:
    if isinstance(value, bool):
        return expected == "boolean"
    return isinstance(value, _TYPES[expected])


def _type_of(value: Any) -> str:
    return next((name for name in _TYPES if _is(value, name)), "null")
