"""The service's list of models as it is read: what it says, and what it leaves out."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.codewhisperer.service.catalogue import read_page, readable
from app.models.catalogue import STATIC, Catalogue
from app.models.model import NO_FIELDS, FieldSchema, Model
from app.models.names import resolve

VECTORS = Path(__file__).parents[2] / "vectors"


def listed(month: str) -> Catalogue:
    page = read_page(msgspec.json.decode((VECTORS / f"models-2026-{month}.json").read_bytes()))
    return Catalogue(page.models, page.default)


def row(**members: object) -> Model:
    (model,) = read_page({"models": [{"modelId": "new-2", **members}]}).models
    return model


def fields(schema: object, model: str = "new-2") -> FieldSchema:
    rows = [{"modelId": model, "additionalModelRequestFieldsSchema": schema}]
    return read_page({"models": rows}).models[0].fields


def test_the_list_of_november_says_what_the_table_says() -> None:
    """docs/upstream.md: The service lists the models of an account"""
    now = listed("11")
    assert (len(now.models), now.default, now.preferred.id) == (23, "auto", "auto")
    for model in now.models:
        known = STATIC.with_current_id(model.current_id)
        assert known is not None
        assert model == msgspec.structs.replace(known, cache_minimum=model.cache_minimum)


def test_the_list_of_july_overrides_the_table() -> None:
    then = listed("07")
    sol = then.find("gpt-5.6-sol")
    assert sol is not None
    assert (sol.context_window, sol.rate, sol.name) == (272_000, 2.4, "GPT-5.6 Sol")
    assert sol.fields.efforts == ("none", "low", "medium", "high", "xhigh", "max")
    assert (sol.fields.effort_field, sol.fields.max_tokens) == ("reasoning", None)
    sonnet = then.find("claude-sonnet-5")
    assert sonnet is not None
    assert (sonnet.max_output, sonnet.fields.max_tokens) == (64_000, (1024, 128_000))
    assert then.find("claude-opus-5-5") is None
    assert resolve("claude-opus-5-5", "", {}, then).model.current_id == "claude-opus-4.8"


def test_a_legacy_id_and_a_name_come_from_the_table() -> None:
    sonnet = listed("11").find("sonnet-4.5") or listed("11").find("claude-sonnet-4-5")
    assert sonnet is not None
    assert sonnet.upstream_id("codewhisperer") == "CLAUDE_SONNET_4_5_20250929_V1_0"
    assert sonnet.id == "claude-sonnet-4-5-20250929"


def test_a_model_that_is_not_known_yet_gets_a_readable_name_and_no_guesses() -> None:
    (claude, other) = read_page(
        {"models": [{"modelId": "claude-opus-6.1"}, {"modelId": "nova-2-pro"}]}
    ).models
    assert claude == Model(
        "claude-opus-6-1", "Claude Opus 6.1", "claude-opus-6.1", input_types=("text",)
    )
    assert (other.id, other.name, other.context_window) == ("nova-2-pro", "Nova 2 Pro", None)


@pytest.mark.parametrize(
    ("upstream_id", "name"),
    [("gpt-6.1-sol", "GPT-6.1 Sol"), ("glm-5.3", "GLM-5.3"), ("auto", "Auto"), ("gpt", "Gpt")],
)
def test_readable_names(upstream_id: str, name: str) -> None:
    assert readable(upstream_id) == name


@pytest.mark.parametrize(
    "reply",
    [None, [], "x", 5, {}, {"models": None}, {"models": {}}, {"models": [None, 3, {}, []]},
     {"models": [{"modelId": None}, {"modelId": ""}, {"modelId": "no such/id!"}]},
     {"defaultModel": "auto", "nextToken": 7, "models": [{"modelName": "x"}]}],
)  # fmt: skip
def test_a_list_of_another_shape_is_an_empty_page(reply: Any) -> None:
    assert read_page(reply) == ((), "", "")


def test_a_bare_row_is_a_model() -> None:
    (kimi,) = read_page({"models": [{"modelId": "kimi-k3", "modelName": None}]}).models
    assert kimi == STATIC.find("kimi-k3")


@pytest.mark.parametrize(
    "members",
    [
        {"tokenLimits": None, "supportedInputTypes": None, "rateMultiplier": None},
        {"tokenLimits": [], "supportedInputTypes": "TEXT", "rateMultiplier": "1"},
        {"tokenLimits": {"maxInputTokens": "1", "maxOutputTokens": -1}, "promptCaching": 1},
        {"tokenLimits": {"maxInputTokens": True}, "rateMultiplier": True},
        {"refusalFallbackModels": {}, "promptCaching": {"minimumTokensPerCacheCheckpoint": 0}},
        {"refusalFallbackModels": [None]},
        {"refusalFallbackModels": [], "supportedInputTypes": [None, 5, "VIDEO"]},
    ],
)
def test_a_member_of_another_type_is_as_good_as_none(members: dict[str, object]) -> None:
    assert row(**members) == row()


def test_members_that_are_read() -> None:
    model = row(
        tokenLimits={"maxInputTokens": 9e5, "maxOutputTokens": 100},
        supportedInputTypes=["TEXT", "IMAGE", "VIDEO"],
        rateMultiplier=0,
        promptCaching={"supportsPromptCaching": True, "minimumTokensPerCacheCheckpoint": 512},
        refusalFallbackModels=[{"modelId": "a"}, {"modelId": "b"}],
    )
    assert (model.context_window, model.max_output, model.rate) == (900_000, 100, 0.0)
    assert (model.input_types, model.cache_minimum) == (("text", "image"), 512)
    assert model.refusal_fallback == "a"
    uncached = read_page(
        {
            "models": [
                {"modelId": "claude-opus-4.8", "promptCaching": {"supportsPromptCaching": False}}
            ]
        }
    ).models[0]
    assert uncached.cache_minimum is None


SCHEMA = {
    "properties": {
        "thinking": {"properties": {"type": {"enum": ["between_tools", "adaptive", "new", 1]}}},
        "output_config": {
            "properties": {"effort": {"enum": ["max", "low", "ultra"], "default": "ultra"}}
        },
        "max_tokens": {"maximum": 1000},
    }
}


def test_a_schema_is_read_by_what_is_known_here() -> None:
    """docs/upstream.md: A row without a schema takes no request fields"""
    expected = FieldSchema(
        thinking=("adaptive", "between_tools"), efforts=("low", "max"), max_tokens=(1, 1000)
    )
    assert fields(SCHEMA) == expected
    assert fields(msgspec.json.encode(SCHEMA).decode()) == expected
    empty: tuple[Any, ...] = (None, {}, {"properties": {}}, {"type": "object"})
    for nothing in empty:
        assert fields(nothing) == NO_FIELDS
        assert fields(nothing, "claude-opus-5.5") == NO_FIELDS


@pytest.mark.parametrize("schema", ["{", "[" * 100_000, "", 5, [], True])
def test_a_schema_that_cannot_be_read_leaves_the_tables(schema: object) -> None:
    known = STATIC.find("claude-opus-5-5")
    assert known is not None
    assert fields(schema, "claude-opus-5.5") == known.fields
    assert fields(schema) == NO_FIELDS


@pytest.mark.parametrize(
    "properties",
    [
        {"thinking": None, "output_config": [], "max_tokens": "x"},
        {"thinking": {"properties": None}, "output_config": {"properties": {"effort": "high"}}},
        {"thinking": {"properties": {"type": {"enum": {}}}}, "max_tokens": {"maximum": True}},
        {"reasoning": {"properties": {"effort": {"enum": None, "default": []}}}},
    ],
)
def test_parts_of_a_schema_of_another_type(properties: object) -> None:
    found = fields({"properties": properties})
    assert (found.thinking, found.efforts, found.max_tokens) == ((), (), None)
