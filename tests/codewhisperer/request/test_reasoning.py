"""The request fields: what the model's schema lists, and nothing else.

docs/upstream.md: Request fields follow the model's schema
docs/upstream.md: Request fields work on every host
"""

from typing import Any

import msgspec
import pytest

from app.codewhisperer.request.reasoning import LEAST_MAX_TOKENS, request_fields
from app.core.conversation import Conversation, Effort, Message, Reasoning, Text
from app.models.model import NO_FIELDS, FieldSchema
from app.models.table import MODELS
from tests.codewhisperer.request.test_render import rendered, user

GENERATIONS = ("kiro", "q", "codewhisperer")
SCHEMAS = {model.current_id: model.fields for model in MODELS}
SHOWN = {"display": "summarized"}
ADAPTIVE = {"type": "adaptive", **SHOWN}
BETWEEN = {"type": "between_tools", **SHOWN}
DISABLED = {"type": "disabled"}
ON, OFF = Reasoning(enabled=True), Reasoning(enabled=False)


def effort(level: Effort) -> Reasoning:
    return Reasoning(effort=level)


def low(**thinking: Any) -> dict[str, Any]:
    return {**thinking, "output_config": {"effort": "low"}}


@pytest.mark.parametrize(
    ("model", "wish", "sent", "ignored", "repairs"),
    [
        ("claude-opus-4.8", Reasoning(), None, (), ()),
        ("claude-opus-4.8", ON, {"thinking": ADAPTIVE}, (), ()),
        (
            "claude-opus-4.8",
            Reasoning(enabled=True, omit_text=True),
            {"thinking": {"type": "adaptive", "display": "omitted"}},
            (),
            (),
        ),
        ("claude-opus-4.8", OFF, {"thinking": DISABLED}, (), ()),
        ("claude-opus-4.8", effort("xhigh"), {"output_config": {"effort": "xhigh"}}, (), ()),
        ("claude-opus-4.8", effort("none"), {"thinking": DISABLED}, (), ()),
        # thinking that is always on is said to be so
        ("claude-opus-5.5", OFF, low(), ("thinking",), ()),
        ("claude-opus-5.5", effort("none"), low(), ("thinking",), ("closest-effort",)),
        ("claude-sonnet-5.5", OFF, {"thinking": BETWEEN}, ("thinking",), ()),
        (
            "claude-sonnet-5.5",
            effort("none"),
            low(thinking=BETWEEN),
            ("thinking",),
            ("closest-effort",),
        ),
        # a client that asks for thinking between tool calls
        (
            "claude-sonnet-5.5",
            Reasoning(enabled=True, between_tools=True),
            {"thinking": BETWEEN},
            (),
            (),
        ),
        (
            "claude-opus-5",
            Reasoning(enabled=True, between_tools=True),
            {"thinking": ADAPTIVE},
            (),
            ("closest-thinking",),
        ),
        # the highest listed effort at or below the wish
        (
            "claude-opus-4.6",
            effort("xhigh"),
            {"output_config": {"effort": "high"}},
            (),
            ("closest-effort",),
        ),
        # effort is all that GPT models have
        ("gpt-5.6-sol", effort("max"), {"reasoning": {"effort": "max"}}, (), ()),
        ("gpt-5.6-sol", ON, None, (), ()),
        (
            "gpt-5.6-sol",
            Reasoning(enabled=False, effort="high"),
            {"reasoning": {"effort": "none"}},
            (),
            (),
        ),
        # no schema: nothing is sent, and {} neither
        (
            "claude-sonnet-4.5",
            Reasoning(enabled=True, effort="high"),
            None,
            ("thinking", "effort"),
            (),
        ),
        ("claude-sonnet-4.5", Reasoning(), None, (), ()),
        ("claude-sonnet-4.5", OFF, None, ("thinking",), ()),
    ],
)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_what_each_model_is_sent(
    model: str, wish: Reasoning, sent: Any, ignored: Any, repairs: Any, generation: str
) -> None:
    request = rendered(user("a"), generation=generation, model=model, reasoning=wish)
    body = msgspec.json.decode(request.body)
    assert body.get("additionalModelRequestFields") == sent
    assert (request.ignored, request.repairs) == (ignored, repairs)


@pytest.mark.parametrize(
    ("wanted", "listed", "sent"),
    [
        ("max", ("low", "medium", "high"), "high"),
        ("medium", ("low", "high"), "low"),
        ("low", ("medium", "high"), "medium"),
        ("low", ("none", "medium"), "medium"),
        ("none", ("low", "medium"), "low"),
    ],
)
def test_the_nearest_effort(wanted: Effort, listed: Any, sent: str) -> None:
    found = request_fields(effort(wanted), None, FieldSchema(efforts=listed))
    assert found.fields == {"output_config": {"effort": sent}}
    assert found.repairs == ("closest-effort",)


@pytest.mark.parametrize("wanted", ["xhigh", "max"])
def test_without_thinking_the_effort_is_at_most_high(wanted: Effort) -> None:
    """docs/upstream.md: Thinking disabled allows no effort above high"""
    wish = Reasoning(enabled=False, effort=wanted)
    found = request_fields(wish, None, SCHEMAS["claude-opus-5"])
    assert found.fields == {"thinking": DISABLED, "output_config": {"effort": "high"}}
    assert found.repairs == ("closest-effort",)


def test_a_display_that_is_not_listed_is_not_sent() -> None:
    schema = FieldSchema(thinking=("adaptive",), display=("omitted",))
    assert request_fields(ON, None, schema).fields == {"thinking": {"type": "adaptive"}}
    hidden = request_fields(Reasoning(enabled=True, omit_text=True), None, schema)
    assert hidden.fields == {"thinking": {"type": "adaptive", "display": "omitted"}}


def test_an_effort_that_is_lost_is_said_beside_thinking_that_is_kept() -> None:
    schema = FieldSchema(thinking=("adaptive", "disabled"))
    for enabled in (True, False):
        found = request_fields(Reasoning(enabled=enabled, effort="high"), None, schema)
        assert found.ignored == ("effort",)


MOST = 128_000


@pytest.mark.parametrize(
    ("wish", "given", "sent", "bounds"),
    [
        (ON, LEAST_MAX_TOKENS, LEAST_MAX_TOKENS, True),
        (ON, LEAST_MAX_TOKENS - 1, None, False),
        (Reasoning(), 100, None, False),
        (OFF, 4000, 4000, True),
        (OFF, 1, 1024, False),  # the client's own limit is lower than what the service keeps
        (ON, 500_000, MOST, True),
        (ON, None, None, False),
    ],
)
def test_the_limit_of_the_answer(
    wish: Reasoning, given: int | None, sent: int | None, bounds: bool
) -> None:
    """docs/upstream.md: max_tokens bounds the thinking too"""
    found = request_fields(wish, given, SCHEMAS["claude-opus-5"])
    assert (found.fields or {}).get("max_tokens") == sent
    assert (found.bounds_output, found.ignored) == (bounds, ())


@pytest.mark.parametrize("model", ["gpt-5.6-sol", "claude-sonnet-4.5"])
def test_a_model_without_a_limit_is_sent_none(model: str) -> None:
    found = request_fields(Reasoning(), 32_000, SCHEMAS[model])
    assert (found.fields, found.bounds_output) == (None, False)


def test_a_rendered_request_says_whether_the_service_keeps_the_limit() -> None:
    for limit, bounds in ((9, False), (32_000, True)):
        request = rendered(user("a"), model="claude-opus-5", max_tokens=limit)
        assert (request.bounds_output, request.ignored) == (bounds, ())


def test_every_combination_fits_every_schema() -> None:
    """Whatever is asked for, only listed members with listed values are sent, and never {}."""
    levels: tuple[Effort | None, ...] = (None, "none", "low", "medium", "high", "xhigh", "max")
    for schema in (*SCHEMAS.values(), NO_FIELDS):
        for enabled in (None, True, False):
            for level in levels:
                for limit in (None, 1, 9000, 10**9):
                    wish = Reasoning(enabled, level, between_tools=bool(enabled))
                    _fits(request_fields(wish, limit, schema).fields, schema)


def _fits(fields: dict[str, Any] | None, schema: FieldSchema) -> None:
    if fields is None:
        return
    assert fields
    for name, value in fields.items():
        if name == "thinking":
            assert value["type"] in schema.thinking
            assert value.get("display", schema.display[0]) in schema.display
        elif name == "max_tokens":
            assert schema.max_tokens is not None
            assert schema.max_tokens[0] <= value <= schema.max_tokens[1]
        else:
            assert name == schema.effort_field
            assert value["effort"] in schema.efforts


def test_the_suffix_of_a_model_name_keeps_the_rest_of_the_wish() -> None:
    from app.models.names import resolve

    asked = Conversation("m", (Message("user", (Text("a"),)),), reasoning=Reasoning(omit_text=True))
    applied = resolve("claude-opus-5-thinking-high", "auto", {}).apply(asked)
    assert applied.reasoning == Reasoning(True, "high", omit_text=True)
