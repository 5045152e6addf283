"""What becomes of a tool's JSON Schema."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.codewhisperer.request.growth import Growth
from app.codewhisperer.request.schema import normalised

NAME = {"type": "string", "description": "A name"}


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        obj(name=NAME),
        obj(name=NAME) | {"required": ["name"], "description": "All of it"},
        obj(tags={"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}),
        obj(either={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        obj(child={"$ref": "#/$defs/Node"}) | {"$defs": {"Node": obj(next={"$ref": "#"})}},
        obj(optional={"type": ["string", "null"]}),
    ],
)
def test_what_the_service_takes_is_left_as_it_is(schema: dict[str, Any]) -> None:
    assert normalised(schema) is schema


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, obj()),
        ({"properties": {"a": NAME}}, obj(a=NAME)),
        ({"type": "object", "properties": None, "required": None}, {"type": "object"}),
        ({"type": ["object", "null"], "properties": {"a": NAME}}, obj(a=NAME)),
        ({"type": "string", "enum": ["a"]}, obj()),
        (obj(a=NAME) | {"required": []}, obj(a=NAME)),
        (obj(a=NAME) | {"required": ["a", "a", 3]}, obj(a=NAME) | {"required": ["a"]}),
        (obj(a=True), obj(a={})),
        (obj(a={"type": "nonsense", "description": 3, "enum": []}), obj(a={})),
    ],
)
def test_malformed_members_are_put_right(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert normalised(schema) == expected


def test_keywords_that_hosts_refuse_are_dropped_at_every_depth() -> None:
    noise = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "additionalProperties": False,
        "title": "T",
        "default": 1,
        "pattern": "^a$",
        "format": "uri",
        "minimum": 0,
        "maxItems": 3,
        "uniqueItems": True,
        "patternProperties": {"x": {}},
        "if": {},
        "then": {},
        "unevaluatedProperties": False,
    }
    inner = {"type": "array", "items": NAME | noise} | noise
    assert normalised(obj(list=inner) | noise) == obj(list={"type": "array", "items": NAME})


def test_properties_and_definitions_named_like_keywords_stay() -> None:
    words = (
        "title",
        "default",
        "pattern",
        "$schema",
        "required",
        "properties",
        "additionalProperties",
    )
    schema = obj(**dict.fromkeys(words, NAME)) | {"required": list(words)}
    assert normalised(schema) is schema
    defined = obj(a={"$ref": "#/$defs/title"}) | {"$defs": {"title": NAME}}
    assert normalised(defined) is defined


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_alternatives_at_the_root_become_one_object(keyword: str) -> None:
    schema = {
        "description": "By id or by name",
        keyword: [
            obj(id={"type": "integer"}, kind=NAME) | {"required": ["id", "kind"]},
            obj(name=NAME, kind={"type": "integer"}) | {"required": ["kind", "name"]},
        ],
    }
    assert normalised(schema) == {
        "type": "object",
        "description": "By id or by name",
        "properties": {
            "id": {"type": "integer"},
            "kind": {"anyOf": [NAME, {"type": "integer"}]},
            "name": NAME,
        },
        "required": ["kind"],
    }


def test_what_the_root_must_all_be_is_said_by_one_object() -> None:
    schema = {
        "allOf": [
            {"$ref": "#/$defs/Base"},
            obj(b=NAME) | {"required": ["b"]},
        ],
        "$defs": {"Base": obj(a=NAME) | {"required": ["a"]}},
    }
    result = normalised(schema)
    assert result["properties"] == {"a": NAME, "b": NAME}
    assert sorted(result["required"]) == ["a", "b"]
    assert "allOf" not in result


def test_a_description_beside_a_reference() -> None:
    schema = obj(a={"allOf": [{"$ref": "#/definitions/A"}], "description": "Mine", "default": 1})
    schema["definitions"] = {"A": NAME}
    assert normalised(schema)["properties"]["a"] == {
        "$ref": "#/definitions/A",
        "description": "Mine",
    }


def test_a_reference_at_the_root_is_written_out() -> None:
    schema = {"$ref": "#/$defs/Node", "$defs": {"Node": obj(child={"$ref": "#/$defs/Node"})}}
    result = normalised(schema)
    assert result["type"] == "object"
    assert result["properties"] == {"child": {"$ref": "#/$defs/Node"}}
    assert result["$defs"] == schema["$defs"]


def test_references_to_other_places_are_written_out() -> None:
    schema = obj(a=obj(b=NAME), c={"$ref": "#/properties/a/properties/b", "description": "As in a"})
    assert normalised(schema)["properties"]["c"] == {"type": "string", "description": "As in a"}


@pytest.mark.parametrize("reference", ["#/nowhere", "https://example.com/s.json", "#anchor", ""])
def test_a_reference_that_points_nowhere_allows_anything(reference: str) -> None:
    assert normalised(obj(a={"$ref": reference})) == obj(a={})


def test_definitions_without_a_reference_go() -> None:
    assert normalised(obj(a=NAME) | {"$defs": {"Unused": NAME}}) == obj(a=NAME)
    assert normalised({"$ref": "#", "$defs": {"Unused": NAME}}) == obj()


def test_other_words_for_what_is_kept() -> None:
    schema = obj(
        fixed={"const": "x"},
        one={"oneOf": [NAME, {"type": "null"}]},
        pair={"type": "array", "prefixItems": [NAME, {"type": "integer"}]},
    )
    assert normalised(schema) == obj(
        fixed={"enum": ["x"]},
        one={"anyOf": [NAME, {"type": "null"}]},
        pair={"type": "array", "items": {"anyOf": [NAME, {"type": "integer"}]}},
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}]},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        obj(a={"$ref": "#/properties/a"}),
        obj(a={"$ref": "#/properties/b"}, b={"$ref": "#/properties/a"}),
    ],
)
def test_circles_end(schema: dict[str, Any]) -> None:
    assert normalised(schema)["type"] == "object"


def test_what_is_too_deep_or_grows_too_large_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = obj(a=deep) | {"title": "deep"}
    with pytest.raises(ValueError, match="nested more than 64 levels deep"):
        normalised(deep)
    doubling: dict[str, Any] = {"p0": NAME}
    for level in range(1, 40):
        reference = {"$ref": f"#/properties/p{level - 1}"}
        doubling[f"p{level}"] = obj(x=reference, y=reference)
    with pytest.raises(ValueError, match="its references expand to more than"):
        normalised(obj(**doubling))
    wide = obj(**{f"p{number}": {"title": "t"} for number in range(50_001)})
    with pytest.raises(ValueError, match="more than 50000 nodes"):
        normalised(wide)


LARGE = {"type": "object", "description": "d" * 100_000}
NAMES = [f"r{number}" for number in range(5000)]


@pytest.mark.parametrize(
    "schema",
    [
        obj(a=LARGE, **{f"p{number}": {"$ref": "#/properties/a"} for number in range(50)}),
        obj(a=LARGE, b={"items": [{"$ref": "#/properties/a"}] * 50}),
        obj(**{f"p{n}": {"allOf": [{"$ref": "#/$defs/a"}, {"title": "t"}]} for n in range(50)})
        | {"$defs": {"a": {"enum": NAMES}}},
        obj(a=NAME)
        | {"$defs": {"a": {"required": NAMES}}}
        | {"allOf": [{"$ref": "#/$defs/a", "description": str(n)} for n in range(900)]},
        {"$defs": {"a": LARGE}, "anyOf": [{"$ref": "#/$defs/a"}] * 50},
    ],
)
def test_references_cannot_repeat_what_is_large_for_ever(schema: dict[str, Any]) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match=r"its references expand to more than .* repeat less"):
        normalised(schema)
    assert time.process_time() - started < 1


def test_references_in_all_of_cost_the_same_however_often_they_are_repeated() -> None:
    definitions = {"$defs": {"a": {"required": NAMES, "properties": {"b": NAME}}}}
    schema = definitions | {"allOf": [{"$ref": "#/$defs/a"}] * 16_000}
    started = time.process_time()
    assert normalised(schema) == obj(b=NAME) | {"required": NAMES}
    assert time.process_time() - started < 1


def test_what_a_generator_of_schemas_repeats_is_expanded() -> None:
    part = obj(**{f"x{number}": NAME | {"description": "d" * 60} for number in range(10)})
    others = {f"p{number}": {"$ref": "#/properties/a"} for number in range(50)}
    schema = normalised(obj(a=part, **others))
    assert schema == obj(a=part, **dict.fromkeys(others, part))


def test_a_shared_target_is_not_changed_by_its_first_use() -> None:
    """The root takes alternatives apart."""
    inner = {"anyOf": [{"anyOf": [obj(a=NAME), obj(b=NAME)]}, obj(c=NAME)]}
    once = normalised({"anyOf": [{"$ref": "#/$defs/x"}, obj(d=NAME)], "$defs": {"x": inner}})
    twice = {"anyOf": [{"$ref": "#/$defs/x"}] * 2 + [obj(d=NAME)], "$defs": {"x": inner}}
    assert normalised(twice) == once


def test_all_tools_of_a_request_share_what_they_may_add() -> None:
    part = {"type": "object", "description": "d" * 1000}
    others = {f"p{number}": {"$ref": "#/properties/a"} for number in range(90)}
    schema = obj(a=part, **others)
    growth = Growth(1000, 200_000)
    for _ in range(2):
        normalised(schema, growth=growth)
    with pytest.raises(ValueError, match="its references expand to more than 204000 bytes"):
        normalised(schema, growth=growth)


WORDS = (
    *("type", "properties", "items", "required", "enum", "const", "title", "a"),
    *("anyOf", "oneOf", "allOf", "$ref", "$defs"),
)
atoms = st.none() | st.booleans() | st.integers(-9, 9)
json = st.recursive(
    atoms | st.sampled_from(["object", "string", "#/$defs/a", "#"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(WORDS), json))
def test_anything_becomes_a_schema_that_needs_nothing_more(schema: dict[str, Any]) -> None:
    result = normalised(schema)
    assert result["type"] == "object"
    assert not {"anyOf", "oneOf", "allOf", "$ref"} & result.keys()
    assert normalised(result) == result
