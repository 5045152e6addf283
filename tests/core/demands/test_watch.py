"""What a watched answer lets through, whatever its batches, and what it says is missing."""

import tracemalloc
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.core.conversation import (
    Conversation,
    Message,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from app.core.demands.follow_up import asked_again
from app.core.demands.json_schema import Mismatch
from app.core.demands.plan import Plan, check_schemas, plan
from app.core.demands.said import Said
from app.core.demands.watch import Watch
from app.core.events import (
    Event,
    Finish,
    Refusal,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
)
from app.core.fold import ReplyBuilder
from app.core.typed_json import FieldError

F, G = Tool("f"), Tool("g", strict=True, schema={"type": "object", "required": ["a"]})
ASKED = (Message("user", (Text("hi"),)),)
CALLS, ENDS = Finish("tool_use"), Finish("end_turn")
STOPS = Finish("stop_sequence", stop_sequence="x")
PAID = Usage(credits=1.0)
BAD = Mismatch("required", "At $: 'a' is a required property")


def demanded(**asked: Any) -> Plan:
    made = plan(Conversation("m", ASKED, **asked))
    assert made is not None
    return made


def call(name: str, *fragments: str, complete: bool = True, id_: str = "1") -> list[Event]:
    return [ToolStart(id_, name), *map(ToolInput, fragments), ToolEnd(complete)]


def _check(_: str, value: Any) -> Mismatch | None:
    """A value without an ``a`` is wrong."""
    return None if isinstance(value, dict | list) and "a" in value else BAD


def watched(
    asked: Plan, events: Sequence[Event], cuts: Sequence[int] = ()
) -> tuple[list[Event], Watch, list[str]]:
    """``cuts`` are where batches end."""
    notes: list[str] = []
    watch = Watch(asked, _check, notes.append)
    passed: list[Event] = []
    edges = [0, *sorted(cuts), len(events)]
    for start, end in pairwise(edges):
        passed += watch.feed(events[start:end])
    return passed, watch, notes


LIGHT, FORCED = demanded(tools=(F,)), demanded(tools=(F,), tool_choice=ToolChoice("any"))
STRICT = demanded(tools=(F, G))
JSON = demanded(json_schema={"type": "object"}, tools=(F,))
STRICT_AND_JSON = demanded(json_schema={"type": "object"}, tools=(F, G))
FORCED_AND_JSON = demanded(
    json_schema={"type": "object"}, tools=(F,), tool_choice=ToolChoice("any")
)
ARRAY = demanded(json_schema={"type": "array"})
SAY, THINK = TextDelta("Well."), ThinkingDelta("Hm.")
GOOD, WRONG = '{"a": 1}', '{"b": 1}'
ANSWER = call("final_answer", '{"a":', " 1}")

PASSED: dict[str, tuple[Plan, list[Event], list[Event]]] = {
    "text": (LIGHT, [SAY, PAID, ENDS], [SAY, PAID, ENDS]),
    "a call": (LIGHT, [SAY, *call("f", GOOD), CALLS], [SAY, *call("f", GOOD), CALLS]),
    "a forced call": (FORCED, [SAY, THINK, *call("f"), CALLS], [THINK, SAY, *call("f"), CALLS]),
    "a forced call, cut": (
        FORCED,
        [*call("f", "{", complete=False), Finish("max_tokens")],
        [*call("f", "{", complete=False), Finish("max_tokens")],
    ),
    "no call, cut": (FORCED, [SAY, Finish("max_tokens")], [SAY, Finish("max_tokens")]),
    "a stop sequence": (LIGHT, [SAY, STOPS], [SAY, STOPS]),
    "a refusal": (FORCED, [Finish("refusal")], [Finish("refusal")]),
    "strict": (STRICT, [SAY, *call("g", GOOD), CALLS], [SAY, *call("g", GOOD), CALLS]),
    "strict, cut": (
        STRICT,
        [*call("g", "{", complete=False), Finish("max_tokens")],
        [*call("g", "{", complete=False), Finish("max_tokens")],
    ),
    "an answer": (
        JSON,
        [SAY, *ANSWER, PAID, CALLS],
        [TextDelta('{"a":'), TextDelta(" 1}"), PAID, ENDS],
    ),
    "an answer, and more": (
        JSON,
        [THINK, *ANSWER, SAY, THINK, *call("f"), PAID, CALLS],
        [THINK, TextDelta('{"a":'), TextDelta(" 1}"), PAID, ENDS],
    ),
    "a call, and an answer": (JSON, [SAY, *call("f"), *ANSWER, CALLS], [*call("f"), CALLS]),
    "words beside a call": (JSON, [SAY, *call("f"), SAY, CALLS], [*call("f"), CALLS]),
    "words beside a strict call": (
        STRICT_AND_JSON,
        [SAY, *call("g", GOOD), SAY, Finish("max_tokens")],
        [*call("g", GOOD), Finish("max_tokens")],
    ),
    "words beside a forced call": (
        FORCED_AND_JSON,
        [SAY, THINK, *call("f"), SAY, CALLS],
        [THINK, *call("f"), CALLS],
    ),
    "the words of a refusal": (
        JSON,
        [SAY, SAY, Finish("refusal", Refusal("cyber"))],
        [Finish("refusal", Refusal("cyber", "Well.Well."))],
    ),
    "a refusal that is explained": (
        FORCED_AND_JSON,
        [SAY, Finish("refusal", Refusal(explanation="Why."))],
        [Finish("refusal", Refusal(explanation="Why."))],
    ),
    "a refusal in text": (FORCED, [SAY, Finish("refusal")], [SAY, Finish("refusal")]),
    "words, cut": (JSON, [SAY, Finish("max_tokens")], [SAY, Finish("max_tokens")]),
    "an answer, then a limit": (
        JSON,
        [*ANSWER, Finish("max_tokens")],
        [TextDelta('{"a":'), TextDelta(" 1}"), ENDS],
    ),
    "half an answer": (
        JSON,
        [*call("final_answer", '{"a', complete=False), Finish("max_tokens")],
        [TextDelta('{"a'), Finish("max_tokens")],
    ),
    "the answer as text": (JSON, [TextDelta(GOOD), ENDS], [TextDelta(GOOD), ENDS]),
    "a wrapped answer": (
        ARRAY,
        [*call("final_answer", '{"value": ', '["a"]}'), CALLS],
        [TextDelta('["a"]'), ENDS],
    ),
}


@pytest.mark.parametrize("name", PASSED)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_what_is_let_through(name: str, data: st.DataObject) -> None:
    asked, events, expected = PASSED[name]
    cuts = data.draw(st.lists(st.integers(0, len(events))))
    passed, watch, _ = watched(asked, events, cuts)
    assert passed == expected
    assert watch.shortfall is None


LACKING: dict[str, tuple[Plan, list[Event], str, bool]] = {
    "no forced call": (FORCED, [SAY, ENDS], "call", True),
    "a stop sequence before the call": (FORCED, [SAY, STOPS], "call", True),
    "a pause before the call": (FORCED, [SAY, Finish("pause_turn")], "call", True),
    "unknown": (LIGHT, [SAY, *call("x"), CALLS], "tool", True),
    "unknown where one is forced": (FORCED, [*call("x"), CALLS], "tool", True),
    "strict": (STRICT, [SAY, *call("g", WRONG), CALLS], "arguments", True),
    "strict, then a stop sequence": (STRICT, [*call("g", WRONG), SAY, STOPS], "arguments", True),
    "strict after a call": (
        STRICT,
        [*call("f"), *call("g", WRONG, id_="2"), CALLS],
        "arguments",
        False,
    ),
    "prose": (JSON, [SAY, ENDS], "json", True),
    "prose, and a pause": (JSON, [SAY, Finish("pause_turn")], "json", True),
    "wrong text": (JSON, [TextDelta(WRONG), ENDS], "json", True),
    "a wrong answer": (JSON, [*call("final_answer", WRONG), CALLS], "json", False),
    "a wrong answer, wrapped": (
        ARRAY,
        [*call("final_answer", '{"value": []}'), CALLS],
        "json",
        True,
    ),
}


@pytest.mark.parametrize("name", LACKING)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_what_is_missing(name: str, data: st.DataObject) -> None:
    asked, events, lack, can_go_on = LACKING[name]
    cuts = data.draw(st.lists(st.integers(0, len(events))))
    passed, watch, _ = watched(asked, events, cuts)
    assert watch.shortfall is not None
    assert (watch.shortfall.lack, watch.can_go_on) == (lack, can_go_on)
    assert not any(isinstance(event, Finish) for event in passed)
    assert not any(isinstance(event, ToolStart) and event.name != "f" for event in passed)


def test_a_call_beside_one_that_is_not_offered_is_enough() -> None:
    passed, watch, notes = watched(LIGHT, [*call("x"), *call("f", id_="2"), CALLS])
    assert passed == [*call("f", id_="2"), CALLS]
    assert watch.shortfall is None
    assert notes == ["unoffered_call_left_out"]


def test_json_is_taken_out_of_text() -> None:
    passed, _, notes = watched(JSON, [TextDelta("```json\n" + GOOD), TextDelta("\n```"), ENDS])
    assert passed == [TextDelta(GOOD), ENDS]
    assert notes == ["json_taken_out_of_text"]


@pytest.mark.parametrize("asked", [JSON, FORCED_AND_JSON], ids=["free", "forced"])
def test_words_that_are_left_out_are_told(asked: Plan) -> None:
    _, _, notes = watched(asked, [*call("f"), CALLS])
    assert notes == []
    _, watch, notes = watched(asked, [SAY, *call("f"), SAY, CALLS])
    assert set(notes) == {"text_beside_call_left_out"}
    assert not watch.waits_for_call


def test_text_that_was_held_back_is_given_up() -> None:
    watch = Watch(FORCED, lambda *_: None, list[str]().append)
    assert not watch.waits_for_call
    assert watch.feed([SAY]) == []
    assert (watch.can_go_on, watch.waits_for_call) == (True, True)
    assert watch.give_up() == [SAY]
    assert watch.feed([SAY, *call("f"), CALLS]) == [SAY, *call("f"), CALLS]
    assert not watch.can_go_on


# What is asked


def test_nothing_is_demanded_without_tools() -> None:
    assert plan(Conversation("m", ASKED)) is None
    assert plan(Conversation("m", ASKED, tool_choice=ToolChoice("none"))) is None


def test_a_tool_in_the_history_may_be_remembered() -> None:
    history = (
        *ASKED,
        Message("assistant", (ToolCall("1", "f", {}),)),
        Message("user", (ToolResult("1"),)),
    )
    made = plan(Conversation("m", history))
    assert made is not None
    assert made.offered == frozenset()


def test_of_two_tools_of_one_name_the_first_is_checked() -> None:
    plain, strict, other = Tool("g"), G, Tool("g", strict=True, schema={"type": "array"})
    assert demanded(tools=(plain, strict)).schemas == {}
    assert demanded(tools=(strict, other, plain)).schemas == {"g": G.schema}


@pytest.mark.parametrize(
    ("choice", "offered"),
    [
        (ToolChoice(), {"f", "g"}),
        (ToolChoice("any"), {"f", "g"}),
        (ToolChoice("tool", "g"), {"g"}),
        (ToolChoice("none"), set()),
    ],
)
def test_the_tools_that_may_be_called(choice: ToolChoice, offered: set[str]) -> None:
    made = demanded(tools=(F, G), tool_choice=choice)
    assert made.offered == offered
    assert set(made.schemas) == offered & {"g"}
    assert made.asked.tools == (F, G)


def test_a_forced_call_comes_before_the_json() -> None:
    made = demanded(tools=(F,), tool_choice=ToolChoice("any"), json_schema={"type": "object"})
    assert made.answer_tool == ""
    assert made.asked.json_schema is None


@pytest.mark.parametrize(
    ("tools", "choice", "asked"),
    [
        ((), ToolChoice(), ToolChoice("tool", "final_answer")),
        ((F,), ToolChoice("none"), ToolChoice("tool", "final_answer")),
        ((F,), ToolChoice(), ToolChoice("any")),
    ],
)
def test_json_is_asked_for_as_the_input_of_a_tool(
    tools: tuple[Tool, ...], choice: ToolChoice, asked: ToolChoice
) -> None:
    schema = {"type": "object", "title": "T"}
    made = demanded(tools=tools, tool_choice=choice, json_schema=schema, stop_sequences=("x",))
    assert made.asked.tool_choice == asked
    assert made.asked.tools[-1].schema == schema
    assert made.schemas == {"final_answer": schema}
    assert (made.asked.stop_sequences, made.stop_sequences) == ((), ("x",))


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {"anyOf": [schema]}
    return schema


@pytest.mark.parametrize(
    ("schema", "wrapped"),
    [
        ({"enum": ["a", "b"]}, True),
        ({"enum": ["a", {}]}, False),
        ({"const": 5}, True),
        ({"const": {"a": 1}}, False),
        ({"anyOf": [{"type": "array"}, {"type": "null"}]}, True),
        ({"oneOf": [{"type": "array"}, {"$ref": "#/$defs/a"}], "$defs": {"a": {}}}, False),
        ({"allOf": [{"type": "array"}, {}]}, True),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "array"}}}, True),
        ({"anyOf": [{"$ref": "#"}, {"type": "object"}]}, False),
        ({"enum": 5, "anyOf": {}, "type": 5}, True),
        (nested(1_000), False),
        ({}, False),
        ({"type": ["object", "null"]}, False),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"type": "object"}}},
            False,
        ),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array"}}}, True),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, False),
        ({"$ref": "#/none"}, False),
        ({"type": "string"}, True),
    ],
)
def test_what_is_no_object_is_wrapped(schema: dict[str, Any], wrapped: bool) -> None:
    made = demanded(json_schema=schema)
    assert made.wrapped == wrapped
    if wrapped:
        sent = made.asked.tools[-1].schema
        assert sent["properties"] == {"value": schema}
        assert sent.get("$defs") == schema.get("$defs")


def test_the_clients_tools_keep_their_names() -> None:
    made = demanded(json_schema={}, tools=(Tool("Final_Answer"), Tool("final_answer_2")))
    assert made.answer_tool == "final_answer_3"


def test_a_wrong_schema_is_named_by_its_place() -> None:
    def refuse(_: Any) -> None:
        raise FieldError(("type",), "wrong")

    strict = Tool("f", strict=True, field="tools.0.input_schema")
    for asked in (
        Conversation("m", ASKED, tools=(strict,)),
        Conversation("m", ASKED, deferred=(strict,)),
        Conversation("m", ASKED, json_schema={"a": 1}, json_schema_field="tools.0.input_schema"),
    ):
        with pytest.raises(FieldError) as refused:
            check_schemas(asked, refuse)
        assert refused.value.path == ("tools.0.input_schema", "type")


def follow_up(asked: Plan, events: Sequence[Event]) -> tuple[Message, ...]:
    _, watch, _ = watched(asked, events)
    assert watch.shortfall is not None
    return asked_again(asked, watch.said, watch.shortfall).messages[1:]


def test_what_the_model_is_told_of_its_calls() -> None:
    events = [SAY, *call("f"), *call("g", WRONG, id_="2"), CALLS]
    said, told = follow_up(STRICT, events)
    assert said.parts == (Text("Well."), ToolCall("1", "f", {}), ToolCall("2", "g", {"b": 1}))
    first, second, text = told.parts
    assert first == ToolResult("1", (Text("This call was not run."),), True)
    assert isinstance(second, ToolResult)
    assert "'a' is a required property" in str(second.content[0])
    assert text == Text("Call the tool again, with an input that is valid.")


@pytest.mark.parametrize(
    ("asked", "events", "told"),
    [
        (FORCED, [SAY, ENDS], "Call the tool f now."),
        (FORCED, [*call("x"), CALLS], "Call the tool f now."),
        (LIGHT, [*call("x"), CALLS], "Go on without it."),
        (JSON, [SAY, ENDS], "Call the tool final_answer now."),
        (demanded(tools=(F, G), tool_choice=ToolChoice("any")), [ENDS], "Call one of f, g now."),
    ],
)
def test_what_the_model_is_asked_for(asked: Plan, events: list[Event], told: str) -> None:
    *_, last = follow_up(asked, events)
    (*_, text) = last.parts
    assert isinstance(text, Text)
    assert text.text.endswith(told)


# Any answer

PIECES = st.sampled_from(["{", '{"a"', ": 1}", "Well. ", "```json\n", "\n```"])
INPUTS = st.sampled_from([[], [GOOD], [WRONG], ['{"a"', ": 1}"], ['{"value": ', '{"a": 1}}']])


@st.composite
def blocks(draw: st.DrawFn) -> list[Event]:
    kind = draw(st.sampled_from(["text", "thinking", "call", "usage"]))
    if kind == "text":
        return [TextDelta(text) for text in draw(st.lists(PIECES, min_size=1, max_size=3))]
    if kind == "thinking":
        return [ThinkingDelta("Hm.")]
    if kind == "usage":
        return [PAID]
    return call(draw(st.sampled_from(["f", "g", "x", "final_answer"])), *draw(INPUTS))


ENDINGS: list[StopReason] = ["end_turn", "tool_use", "max_tokens", "stop_sequence", "pause_turn"]


@st.composite
def answers(draw: st.DrawFn) -> list[Event]:
    events = [event for block in draw(st.lists(blocks(), max_size=5)) for event in block]
    numbered = [
        ToolStart(str(index), event.name) if isinstance(event, ToolStart) else event
        for index, event in enumerate(events)
    ]
    return [*numbered, Finish(draw(st.sampled_from(ENDINGS)))]


PLANS = [
    LIGHT,
    FORCED,
    STRICT,
    JSON,
    ARRAY,
    demanded(tools=(F, G), tool_choice=ToolChoice("tool", "g")),
    demanded(tools=(F, G), tool_choice=ToolChoice("none")),
    demanded(tools=(F, G), json_schema={}),
]


@settings(deadline=None, max_examples=100)
@given(batches=st.lists(blocks(), max_size=200))
@example(batches=[[SAY], call("f", GOOD), [THINK]] * 100)
def test_what_was_said_is_remembered(batches: list[list[Event]]) -> None:
    said, builder = Said(), ReplyBuilder()
    ended: list[list[Event]] = [*batches, [ENDS]]
    for batch in ended:
        said.add(batch)
        builder.feed(batch)
    assert said.parts() == builder.reply().parts


def test_it_takes_little_more_memory_than_its_text() -> None:
    said = Said()
    tracemalloc.start()
    try:
        for number in range(20_000):
            said.add([TextDelta(f"word {number:05}")])
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 2 * 10 * 20_000 + 50_000


@settings(deadline=None, max_examples=400)
@given(asked=st.sampled_from(PLANS), events=answers(), data=st.data())
def test_any_answer(asked: Plan, events: list[Event], data: st.DataObject) -> None:
    passed, watch, _ = watched(asked, events, data.draw(st.lists(st.integers(0, len(events)))))
    at_once, again, _ = watched(asked, events)
    order = [event for event in passed if event != PAID]
    assert order == [event for event in at_once if event != PAID]
    assert watch.shortfall == again.shortfall
    assert (watch.shortfall is None) == isinstance(passed[-1] if passed else None, Finish)
    assert sum(isinstance(event, Finish) for event in passed) <= 1
    open_call = called = False
    for event in order:
        assert open_call == isinstance(event, ToolInput | ToolEnd)
        if isinstance(event, ToolStart):
            assert event.name in asked.offered
            called = True
        open_call = isinstance(event, ToolStart | ToolInput)
    end = passed[-1] if passed else None
    if isinstance(end, Finish) and end.reason != "max_tokens":
        assert called or not asked.forced
        if asked.answer_tool and not called:
            text = "".join(event.text for event in order if isinstance(event, TextDelta))
            assert "a" in msgspec.json.decode(text)
