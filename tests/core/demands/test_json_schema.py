"""Checks with clients' schemas: the library's verdicts, in bounded time, without the network."""

import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app.core.demands import json_schema
from app.core.demands.json_schema import Checker, checker
from app.core.typed_json import FieldError

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": "integer", "minimum": 0},
        "pets": {"type": "array", "items": {"$ref": "#/$defs/pet"}, "uniqueItems": True},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"pet": {"enum": ["cat", "dog", 1, None]}},
}
SECONDS = 20  # far above what a check takes, far below what an unbounded one would


def test_what_is_valid_has_no_mismatch() -> None:
    assert checker(PERSON).mismatch({"name": "Ada", "pets": ["cat", 1.0, None]}) is None


@pytest.mark.parametrize(
    ("value", "place", "told"),
    [
        ({}, "required", "At $: 'name' is a required property"),
        ({"name": 1}, "properties.name.type", "At $.name: 1 is not of type 'string'"),
        ({"name": "A", "pets": ["cow"]}, "properties.pets.items.$ref.enum", "$.pets[0]"),
        ({"name": "A", "pets": ["cat", "cat"]}, "properties.pets.uniqueItems", "not unique"),
        ({"name": "A", "x": 1}, "additionalProperties", "the property 'x' is not allowed"),
        ([], "type", "[] is not of type 'object'"),
    ],
)
def test_a_mismatch_says_where_and_why(value: Any, place: str, told: str) -> None:
    found = checker(PERSON).mismatch(value)
    assert found is not None
    assert found.place == place.replace(".$ref", "")
    assert told in found.explained


def test_what_the_model_is_told_is_short() -> None:
    found = checker(PERSON).mismatch({"name": ["x" * 100_000]})
    assert found is not None
    assert len(found.explained) < 1000
    assert found.explained.endswith("the value does not meet 'type': 'string'")


SCALARS = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.text("ab", max_size=2)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=6,
)
PLAIN = st.sampled_from(
    [
        {},
        {"type": "string", "pattern": "^a"},
        {"type": ["integer", "null"]},
        {"enum": [1, "a", [1.0], {"a": None}]},
        {"const": {"a": 1}},
        {"uniqueItems": True},
        {"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": False},
        {"properties": {"b": {"type": "null"}}, "additionalProperties": {"type": "string"}},
        {"minItems": 1, "maxProperties": 1},
    ]
)
SCHEMAS = st.recursive(
    PLAIN,
    lambda inner: (
        st.builds(lambda each: {"anyOf": each}, st.lists(inner, min_size=1, max_size=2))
        | st.builds(lambda each: {"allOf": each}, st.lists(inner, min_size=1, max_size=2))
        | st.builds(lambda one: {"items": one, "not": {"type": "string"}}, inner)
        | st.builds(lambda one: {"properties": {"a": one}, "required": ["a"]}, inner)
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=300)
@given(schema=SCHEMAS, value=VALUES)
@example(schema={"additionalProperties": {"type": "string"}}, value={"a": 1})
@example(schema={"patternProperties": {"^a": {"type": "null"}}}, value={"a": 1})
@example(schema={"enum": [{"a": [1]}]}, value={"a": [1.0]})
def test_the_verdicts_are_the_librarys(schema: dict[str, Any], value: Any) -> None:
    valid = Draft202012Validator(schema).is_valid(value)
    assert (Checker(schema).mismatch(value) is None) == valid


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "strng"}, ("type",)),
        ({"type": []}, ("type",)),
        ({"properties": []}, ("properties",)),
        ({"properties": {"a": {"items": 5}}}, ("properties", "a", "items")),
        ({"anyOf": []}, ("anyOf",)),
        ({"anyOf": [{"required": "a"}]}, ("anyOf", 0, "required")),
        ({"minimum": "1"}, ("minimum",)),
        ({"maxItems": -1}, ("maxItems",)),
        ({"items": [{"type": "string"}]}, ("items",)),
        ({"$defs": {"a": 1}}, ("$defs", "a")),
        ({"multipleOf": 0}, ("multipleOf",)),
        ({"pattern": "a" * 2000}, ("pattern",)),
        ({"$ref": "http://127.0.0.1:1/schema"}, ("$ref",)),
        ({"$ref": "#/properties/a"}, ("$ref",)),
        ({"$ref": "#nowhere"}, ("$ref",)),
        ({"$ref": "#/hidden", "hidden": {"type": 5}}, ("$ref", "type")),
        ({"$ref": "#/hidden", "hidden": 5}, ("$ref",)),
        ({"enum": list(range(20_000))}, ()),
    ],
)
def test_a_schema_that_is_not_valid_is_refused_by_its_place(schema: Any, path: Any) -> None:
    with pytest.raises(FieldError) as refused:
        checker(schema)
    assert refused.value.path == path


def test_a_deep_schema_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(50_000):
        schema = {"not": schema}
    with pytest.raises(FieldError):
        checker(schema)


def test_an_older_draft_may_have_lists_of_items() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "items": [{"type": "string"}, {"type": "integer"}],
    }
    assert checker(schema).mismatch(["a", 1]) is None
    assert checker(schema).mismatch(["a", "b"]) is not None


def test_what_cannot_be_bounded_is_not_checked_and_named() -> None:
    schema = {
        "pattern": "^(?=a)a$",
        "unevaluatedProperties": False,
        "properties": {"a": {"pattern": "^a"}},
    }
    read = checker(schema)
    assert set(read.unchecked) == {"pattern", "unevaluatedProperties"}
    assert read.mismatch("b") is None
    assert read.mismatch({"a": "b"}) is not None


def _doubling() -> dict[str, Any]:
    """Each definition asks for the next one twice."""
    inner = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    return {"$ref": "#/$defs/d0", "$defs": inner | {"d40": {"type": "object"}}}


HOSTILE: dict[str, tuple[dict[str, Any], Any]] = {
    "a pattern": ({"pattern": "^(a+)+$"}, "a" * 50_000 + "b"),
    "a name": (
        {"additionalProperties": False, "patternProperties": {"^(a+)+$": {}}},
        {"a" * 50 + "b": 1},
    ),
    "many repeats": ({"pattern": "(a|a?){300}b"}, "a" * 20_000),
    "doubling references": (_doubling(), {}),
    "itself": ({"$ref": "#"}, {}),
    "itself below": ({"properties": {"a": {"$ref": "#"}}}, {"a": {"a": {"a": 1}}}),
    "unique objects": ({"uniqueItems": True}, [{"a": n} for n in range(50_000)]),
    "a long enum": ({"items": {"enum": list(range(9_000))}}, [-1] * 5_000),
    "many errors": ({"anyOf": [{"type": "string"}] * 4_000}, {"a": "x" * 1_000_000}),
    "many properties": (
        {"items": {"properties": {f"p{n}": {} for n in range(5_000)}}},
        [{}] * 20_000,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_check_takes_bounded_time(name: str) -> None:
    schema, value = HOSTILE[name]
    begun = time.process_time()
    Checker(schema).mismatch(value)
    assert time.process_time() - begun < SECONDS


def test_what_takes_too_many_steps_does_not_pass() -> None:
    found = Checker(_doubling()).mismatch({})
    assert found is not None
    assert "too large" in found.explained


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: Any, **__: Any) -> None:
        raise AssertionError("a reference was fetched")

    monkeypatch.setattr("socket.socket.connect", connect)
    for reference in (
        "https://json-schema.org/draft/2020-12/schema",
        "file:///etc/passwd",
        "other",
    ):
        with pytest.raises(FieldError):
            Checker({"$ref": reference})
        with pytest.raises(FieldError):
            Checker({"$id": "https://example.com/", "properties": {"a": {"$ref": reference}}})


def test_schemas_are_kept() -> None:
    assert checker({"type": "object"}) is checker({"type": "object"})
    large = {"type": "object", "description": "d" * json_schema.LONGEST_KEPT}
    assert checker(large) is not checker(large)


def test_a_large_answer_has_steps_enough() -> None:
    """As many members as the longest answers of models have, each object one of several kinds."""
    kinds = [
        {
            "type": "object",
            "properties": {
                "kind": {"const": f"kind {number}"},
                "name": {"type": "string", "minLength": 1},
                "size": {"type": "integer", "minimum": 0},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["kind", "name", "size", "tags"],
            "additionalProperties": False,
        }
        for number in range(4)
    ]
    item = {"kind": "kind 3", "name": "a name", "size": 1, "tags": ["one", "two"]}
    schema = {"type": "object", "properties": {"items": {"items": {"anyOf": kinds}}}}
    assert checker(schema).mismatch({"items": [item] * 3_000}) is None


DRAFT_7 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"properties": {"a": {"$id": "http://b/", "$ref": "#/$defs/c"}}}, "properties.a.$ref"),
        ({"$id": "http://[b", "type": "object"}, "$id"),
        ({"$schema": DRAFT_7, "dependencies": 3}, "dependencies"),
        ({"$schema": DRAFT_7, "dependencies": {"a": 3}}, "dependencies"),
        ({"$schema": DRAFT_7, "dependencies": {"a": {"type": "strng"}}}, "dependencies.a.type"),
        ({"$schema": DRAFT_7, "items": [{}], "additionalItems": 3}, "additionalItems"),
        (
            {"$schema": DRAFT_7, "items": [{}], "additionalItems": {"type": "strng"}},
            "additionalItems.type",
        ),
    ],
)
def test_what_a_check_would_stumble_over_is_no_schema(schema: Any, path: str) -> None:
    with pytest.raises(FieldError) as refused:
        Checker(schema | {"$defs": {"c": {"type": "string"}}})
    assert ".".join(map(str, refused.value.path)) == path


def test_references_are_resolved_from_the_id_around_them() -> None:
    inner = {"$id": "http://b/", "$ref": "#/$defs/c", "$defs": {"c": {"type": "string"}}}
    schema = {"$id": "http://a/", "properties": {"a": inner}, "$defs": {"c": {"type": "integer"}}}
    assert checker(schema).mismatch({"a": "x"}) is None
    found = checker(schema).mismatch({"a": 1})
    assert found is not None
    assert found.place == "properties.a.type"


@pytest.mark.parametrize(
    ("divisor", "value", "is_multiple"),
    [
        (0.1, 0.3, True),
        (0.01, 19.99, True),
        (0.5, 10**399, True),
        (10**399, 1.5, False),
        (5e-324, 1e308, True),
        (3, 1e300, False),
        (2, 4.0, True),
    ],
    ids=map(str, range(7)),
)
def test_multiples_are_exact_whatever_the_numbers(
    divisor: float, value: float, is_multiple: bool
) -> None:
    assert (checker({"multipleOf": divisor}).mismatch(value) is None) == is_multiple
