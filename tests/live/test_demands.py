"""Forced tools, strict tools and JSON answers through the official SDKs, against gunicorn and the
simulated upstream: what the client gets is what it asked for, or an error.

docs/upstream.md: No field forces a tool or the form of an answer
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
import requests
from pydantic import BaseModel

from app.simulator import Simulator
from tests.live.demanding import DIALECTS, FAILURES, MODEL, Ask, Asking
from tests.live.openai_shared import asked, chats
from tests.live.servers import KEY, Gateway

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}
TIME = {"type": "object", "properties": {"zone": {"type": "string"}}}
TOOLS = {"weather": WEATHER, "time": TIME}
HELLO: Any = [{"role": "user", "content": "Hello"}]
CALL = {"tool": {"name": "weather", "input": {"city": "Paris"}}}
PROSE = {"text": ["It is ", "sunny in Paris."]}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ADA = {"name": "Ada", "age": 36}
ANSWER = {"tool": {"name": "final_answer", "input": ADA}}


class Person(BaseModel):
    name: str
    age: int


dialects = pytest.mark.parametrize("asking", DIALECTS, ids=["messages", "chat", "responses"])
streamed = pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])


@pytest.fixture(params=[True, False], ids=["streamed", "whole"])
def is_streamed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def offered(upstream: Simulator) -> list[str]:
    context = asked(upstream)["userInputMessageContext"]
    return [tool["toolSpecification"]["name"] for tool in context["tools"]]


# Forced calls


@dialects
@pytest.mark.parametrize("choice", ["required", "weather"])
def test_a_forced_call_comes_at_once(
    gateway: Gateway, upstream: Simulator, asking: Asking, choice: str, is_streamed: bool
) -> None:
    upstream.script(PROSE | CALL)
    told = asking(gateway, Ask(tools=TOOLS, choice=choice), streamed=is_streamed)
    assert told.calls == [("weather", {"city": "Paris"})]
    assert told.text == "It is sunny in Paris."
    assert len(chats(upstream)) == 1
    assert offered(upstream) == (["weather", "time"] if choice == "required" else ["weather"])


@dialects
def test_an_answer_without_the_forced_call_is_asked_for_once_more(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script(PROSE | {"credits": 0.5}, CALL | {"credits": 0.25})
    told = asking(gateway, Ask(tools=TOOLS, choice="weather"), streamed=is_streamed)
    assert told.calls == [("weather", {"city": "Paris"})]
    assert told.text == ""
    assert "forced_call_asked_again" in told.repairs
    assert len(chats(upstream)) == 2
    assert "Call the tool weather now." in asked(upstream)["content"]
    line = gateway.wait_for_line(told.request_id)
    assert line["credits"] == pytest.approx(0.75)
    assert line["attempts"] == 2
    assert "forced_call_asked_again" in line["repairs"]


@dialects
def test_a_forced_call_that_does_not_come_is_an_error(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script(PROSE, PROSE)
    with pytest.raises(FAILURES, match="did not call a tool, which tool_choice demands"):
        asking(gateway, Ask(tools=TOOLS, choice="required"), streamed=is_streamed)
    assert len(chats(upstream)) == 2


@pytest.mark.parametrize("asking", DIALECTS[:2], ids=["messages", "chat"])
def test_a_stop_sequence_before_the_forced_call_does_not_end_the_answer(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    """At the APIs a forced call has no text before it in which one could be."""
    upstream.script(PROSE | CALL, CALL)
    stop: dict[str, Any] = {"stop_sequences": ["sunny"]}
    if asking is DIALECTS[1]:
        stop = {"stop": ["sunny"]}
    ask = Ask(tools=TOOLS, choice="required", more=stop)
    told = asking(gateway, ask, streamed=is_streamed)
    assert (told.calls, told.text) == ([("weather", {"city": "Paris"})], "")
    assert told.stop in ("tool_use", "tool_calls")
    assert "forced_call_asked_again" in told.repairs


@dialects
def test_no_tool_is_called_where_none_may_be(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script(PROSE | CALL, {"text": "Done."})
    told = asking(gateway, Ask(tools=TOOLS, choice="none"), streamed=is_streamed)
    assert told.calls == []
    assert told.text == ("It is sunny in Paris.\n\nDone." if is_streamed else "Done.")


@pytest.mark.parametrize("asking", DIALECTS[1:], ids=["chat", "responses"])
def test_only_allowed_tools_are_offered(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script(PROSE, {"tool": {"name": "time", "input": {"zone": "CET"}}})
    ask = Ask(tools=TOOLS, choice="required", allowed=["time"])
    told = asking(gateway, ask, streamed=is_streamed)
    assert told.calls == [("time", {"zone": "CET"})]
    assert offered(upstream) == ["time"]


@dialects
def test_a_tool_that_was_not_offered_is_never_called(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    invented = {"tool": {"name": "teleport", "input": {"to": "Paris"}}}
    upstream.script(PROSE | invented, CALL)
    told = asking(gateway, Ask(tools=TOOLS), streamed=is_streamed)
    assert told.calls == [("weather", {"city": "Paris"})]
    assert "unoffered_call_asked_again" in gateway.wait_for_line(told.request_id)["repairs"]
    upstream.script(invented, invented)
    with pytest.raises(FAILURES, match="'teleport', which the request does not offer"):
        asking(gateway, Ask(tools=TOOLS), streamed=is_streamed)


@dialects
def test_beside_a_call_one_that_was_not_offered_is_left_out(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    invented = {"name": "teleport", "input": {"to": "Paris"}}
    upstream.script({"tools": [invented, CALL["tool"]]})
    told = asking(gateway, Ask(tools=TOOLS), streamed=is_streamed)
    assert told.calls == [("weather", {"city": "Paris"})]
    assert "unoffered_call_left_out" in gateway.wait_for_line(told.request_id)["repairs"]


def test_text_is_held_back_no_longer_than_headers_are(upstream: Simulator, tmp_path: Path) -> None:
    """The next tick of silence would come after 15 seconds."""
    upstream.script(PROSE | {"stall": {"after": 3}})
    running = Gateway(upstream.url, tmp_path, KIRO_EARLY_HEADERS="0.3")
    body = {
        "model": "claude-sonnet-4-6",
        "stream": True,
        "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}],
        "tool_choice": "required",
    }
    try:
        with requests.post(
            f"{running.url}/v1/chat/completions",
            json=body,
            headers={"Authorization": f"Bearer {KEY}"},
            stream=True,
            timeout=10,
        ) as answer:
            lines = answer.iter_lines(chunk_size=1)
            first, text = next(lines), next(line for line in lines if b"sunny" in line)
    finally:
        running.stop()
    assert first == b": ping"
    assert b"sunny in Paris." in text


@dialects
def test_a_forced_call_is_no_answer_of_a_schema(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script(CALL)
    ask = Ask(schema=PERSON, tools=TOOLS, choice="weather")
    told = asking(gateway, ask, streamed=is_streamed)
    assert told.calls == [("weather", {"city": "Paris"})]
    assert "no_json_with_forced_call" in told.repairs.split(",")
    assert offered(upstream) == ["weather"]


# Strict tools


@dialects
def test_strict_arguments_are_asked_for_once_more(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    wrong = {"tool": {"name": "weather", "input": {"city": 7}}}
    upstream.script(PROSE | wrong, CALL)
    told = asking(gateway, Ask(tools=TOOLS, strict=True), streamed=is_streamed)
    assert told.calls == [("weather", {"city": "Paris"})]
    (result,) = asked(upstream)["userInputMessageContext"]["toolResults"]
    assert "$.city" in result["content"][0]["text"]
    upstream.script(wrong, wrong)
    with pytest.raises(FAILURES, match=r"not valid \(it fails at properties.city.type\)"):
        asking(gateway, Ask(tools=TOOLS, strict=True), streamed=is_streamed)


@dialects
def test_arguments_of_other_tools_are_the_clients_matter(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script({"tool": {"name": "weather", "input": {"city": 7}}})
    told = asking(gateway, Ask(tools=TOOLS), streamed=is_streamed)
    assert told.calls == [("weather", {"city": 7})]


# JSON answers


@dialects
@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        {"text": "Here it is:"} | ANSWER,
        {"say": [ANSWER, {"text": "Anything else?"}]},
        {"text": json.dumps(ADA)},
        {"text": f"Sure!\n\n```json\n{json.dumps(ADA)}\n```\nThat is all."},
        {"text": f"{json.dumps(ADA)}\n\nI hope this helps."},
    ],
    ids=["call", "text and call", "call and text", "text", "fence", "trailing text"],
)
def test_json_comes_as_text(
    gateway: Gateway, upstream: Simulator, asking: Asking, answer: Any, is_streamed: bool
) -> None:
    upstream.script(answer)
    told = asking(gateway, Ask(schema=PERSON), streamed=is_streamed)
    assert json.loads(told.text) == ADA
    assert told.stop in ("end_turn", "stop", None)
    assert (told.calls, told.refusal) == ([], None)
    assert offered(upstream) == ["final_answer"]
    assert len(chats(upstream)) == 1


@dialects
def test_prose_is_asked_for_once_more_as_json(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script(PROSE, ANSWER)
    told = asking(gateway, Ask(schema=PERSON), streamed=is_streamed)
    assert json.loads(told.text) == ADA
    assert "json_asked_again" in told.repairs


@dialects
@pytest.mark.parametrize(
    "answer",
    [PROSE, {"tool": {"name": "final_answer", "input": {"name": "Ada", "age": "36"}}}],
    ids=["prose", "wrong types"],
)
def test_what_is_not_valid_is_refused_or_an_error(
    gateway: Gateway, upstream: Simulator, asking: Asking, answer: Any, is_streamed: bool
) -> None:
    upstream.script(answer, answer)
    ask = Ask(schema=PERSON)
    if is_streamed:
        with pytest.raises(FAILURES, match=r"valid against the JSON Schema"):
            asking(gateway, ask, streamed=True)
        return
    told = asking(gateway, ask, streamed=False)
    assert told.text == ""
    assert told.stop in ("refusal", "content_filter")
    assert told.refusal is not None
    assert "JSON Schema" in told.refusal


@dialects
def test_wrong_types_are_mended_in_a_whole_answer(
    gateway: Gateway, upstream: Simulator, asking: Asking
) -> None:
    upstream.script({"tool": {"name": "final_answer", "input": {"name": "Ada"}}}, ANSWER)
    told = asking(gateway, Ask(schema=PERSON), streamed=False)
    assert json.loads(told.text) == ADA


@dialects
def test_json_beside_the_clients_own_tools(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script(PROSE | CALL, {"think": "Hm."} | ANSWER)
    ask = Ask(schema=PERSON, tools=TOOLS)
    told = asking(gateway, ask, streamed=is_streamed)
    assert told.calls == [("weather", {"city": "Paris"})]
    assert told.stop in ("tool_use", "tool_calls", None)
    assert offered(upstream) == ["weather", "time", "final_answer"]
    told = asking(gateway, ask, streamed=is_streamed)
    assert json.loads(told.text) == ADA
    assert told.calls == []


def parsed_message(gateway: Gateway, choice: str) -> list[Any]:
    client = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    tool: Any = {"name": "weather", "input_schema": WEATHER}
    body: Any = {"model": MODEL, "max_tokens": 99, "messages": HELLO, "tools": [tool]}
    body["tool_choice"] = {"type": "any" if choice == "required" else choice}
    whole = client.messages.parse(**body, output_format=Person)
    with client.messages.stream(**body, output_format=Person) as stream:
        return [
            [part.type for part in each.content] for each in (whole, stream.get_final_message())
        ]


def parsed_completion(gateway: Gateway, choice: str) -> list[Any]:
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0)
    function = {"name": "weather", "parameters": WEATHER, "strict": True}
    body: Any = {"model": MODEL, "messages": HELLO, "response_format": Person}
    body |= {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
    whole = client.chat.completions.parse(**body)
    with client.chat.completions.stream(**body) as stream:
        said = [each.choices[0].message for each in (whole, stream.get_final_completion())]
    return [
        ["text"] * bool(each.content) + ["tool_use"] * len(each.tool_calls or ()) for each in said
    ]


def parsed_response(gateway: Gateway, choice: str) -> list[Any]:
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0)
    tool: Any = {"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}
    body: Any = {"model": MODEL, "input": "hi", "tools": [tool], "tool_choice": choice}
    whole = client.responses.parse(**body, text_format=Person)
    with client.responses.stream(**body, text_format=Person) as stream:
        answers = whole, stream.get_final_response()
    names = {"function_call": "tool_use"}
    return [[names.get(item.type, item.type) for item in each.output] for each in answers]


@pytest.mark.parametrize("choice", ["auto", "required"])
@pytest.mark.parametrize("parsed", [parsed_message, parsed_completion, parsed_response])
def test_the_sdks_can_read_a_call_where_an_answer_is_json(
    gateway: Gateway, upstream: Simulator, parsed: Callable[[Gateway, str], Any], choice: str
) -> None:
    """They read all text of such an answer as JSON; models say a word before they call a tool."""
    upstream.script(PROSE | CALL, PROSE | CALL)
    assert parsed(gateway, choice) == [["tool_use"], ["tool_use"]]
    line = gateway.log_lines()[-1]
    assert "text_beside_call_left_out" in line["repairs"]


@dialects
def test_the_words_of_a_refusal_are_no_json(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script({"text": ["I ", "will not."], "stop_reason": "CONTENT_FILTERED"})
    told = asking(gateway, Ask(schema=PERSON), streamed=is_streamed)
    assert (told.text, told.stop) in [("", "refusal"), ("", "content_filter")]
    assert told.refusal == "I will not." or (asking is DIALECTS[1] and is_streamed)


@dialects
def test_json_in_a_conversation_that_has_some(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script({"think": {"text": "Hm.", "signature": "c2ln"}} | ANSWER)
    turns = [
        {"role": "user", "content": "Who is Bob?"},
        {"role": "assistant", "content": json.dumps({"name": "Bob", "age": 7})},
        {"role": "user", "content": "And Ada?"},
    ]
    member = "input" if asking is DIALECTS[2] else "messages"
    told = asking(gateway, Ask(schema=PERSON, more={member: turns}), streamed=is_streamed)
    assert json.loads(told.text) == ADA
    (chat,) = chats(upstream)
    assert "Bob" in str(chat.body["conversationState"]["history"])


@pytest.mark.parametrize("asking", DIALECTS[1:], ids=["chat", "responses"])
def test_any_object(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script(ANSWER)
    assert json.loads(asking(gateway, Ask(schema={}), streamed=is_streamed).text) == ADA


@dialects
def test_a_document_that_is_no_object(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    upstream.script({"tool": {"name": "final_answer", "input": {"value": [1, 2]}}})
    schema = {"type": "array", "items": {"type": "integer"}}
    assert json.loads(asking(gateway, Ask(schema=schema), streamed=is_streamed).text) == [1, 2]


@dialects
def test_a_limit_cuts_json_as_it_cuts_text(
    gateway: Gateway, upstream: Simulator, asking: Asking, is_streamed: bool
) -> None:
    long = {"tool": {"name": "final_answer", "input": {"name": "Ada " * 200, "age": 1}}}
    upstream.script(long)
    limit = "max_output_tokens" if asking is DIALECTS[2] else "max_tokens"
    told = asking(gateway, Ask(schema=PERSON, more={limit: 20}), streamed=is_streamed)
    assert told.stop in ("max_tokens", "length", "max_output_tokens")
    assert len(chats(upstream)) == 1


@dialects
@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "object", "properties": {"a": {"type": "strng"}}}, "properties.a.type"),
        ({"type": "object", "required": "a"}, "required"),
        ({"$ref": "https://example.com/schema.json"}, "$ref"),
        ({"properties": {"a": {"$ref": "#/$defs/none"}}}, "properties.a.$ref"),
    ],
)
def test_a_schema_that_is_not_valid_is_a_400_that_names_the_place(
    gateway: Gateway, upstream: Simulator, asking: Asking, schema: Any, place: str
) -> None:
    for ask in (Ask(schema=schema), Ask(tools={"weather": schema}, strict=True)):
        with pytest.raises(FAILURES) as refused:
            asking(gateway, ask, streamed=False)
        assert getattr(refused.value, "status_code", 0) == 400
        field = "tools" if ask.tools else "schema"
        assert f".{place}: " in str(refused.value)
        assert field in str(refused.value)
    assert chats(upstream) == []
