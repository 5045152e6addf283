"""The answer as one response."""

import json
from typing import Any, get_args

import msgspec
import pytest
from openai.types.responses import Response

from app.core.conversation import RedactedThinking, Text, Thinking, ToolCall
from app.core.events import Refusal, StopReason
from app.core.fold import Reply
from app.dialects.openai_responses import shapes
from app.dialects.openai_responses.items import reasoning_content
from app.dialects.openai_responses.parse import parse_responses
from app.dialects.openai_responses.reply import (
    DECLINED,
    OUTCOMES,
    ReplyContext,
    ReplyOptions,
    whole,
)
from app.dialects.openai_responses.tools import ClientTool

ECHO = parse_responses(b'{"input":"hi"}', {}, "m").options.echo
CLIENT_TOOLS = {"patch": ClientTool("patch", kind="custom"), "ns__g": ClientTool("g", "ns")}
PARTS = (
    Thinking("hm", "sig"),
    RedactedThinking("Eo8B"),
    Text("a 漢字"),
    ToolCall("c1", "f", {"a": [1]}),
    ToolCall("c2", "ns__g", {}),
    ToolCall("c3", "patch", {"input": "*** Begin"}),
    Text("b"),
)


def rendered(meter, parts=PARTS, reason="tool_use", echo=ECHO, **options):
    made = ReplyOptions("m", echo, CLIENT_TOOLS, **options)
    context = ReplyContext("7", made, 1700000000, clock=lambda: 1700000009.5)
    return json.loads(whole(context, Reply(parts, reason), meter))


def test_what_repeats_the_request_is_of_the_described_types(meter, parse):
    echo = parse(
        max_output_tokens=99,
        max_tool_calls=3,
        instructions="i",
        metadata={"a": "b"},
        parallel_tool_calls=False,
        prompt_cache_key="k",
        reasoning={"effort": "low", "summary": "auto"},
        text={"format": {"type": "json_object"}},
        tools=[{"type": "function", "name": "f"}],
        tool_choice={"type": "function", "name": "f"},
        truncation="auto",
        temperature=1,
        top_p=1,
    ).options.echo
    told = msgspec.convert(rendered(meter, echo=echo), shapes.Response)
    assert (told.max_output_tokens, told.max_tool_calls) == (99, 3)


def output_text(text):
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def test_a_whole_response(meter):
    response = rendered(meter, encrypted_reasoning=True, summary=True)
    output = response.pop("output")
    assert response == {
        "id": "resp_7",
        "object": "response",
        "created_at": 1700000000,
        "completed_at": 1700000009,
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": "m",
        "usage": {
            "input_tokens": 1215,
            "input_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 8},
            "output_tokens": 56,
            "output_tokens_details": {"reasoning_tokens": 9},
            "total_tokens": 1271,
        },
        "conversation": None,
        "previous_response_id": None,
        "prompt": None,
        "max_tool_calls": None,
        "top_logprobs": None,
        "safety_identifier": None,
        "service_tier": None,
        "user": None,
        "store": False,
        "parallel_tool_calls": True,
        "truncation": "disabled",
        "max_output_tokens": None,
        "temperature": None,
        "top_p": None,
        "instructions": None,
        "metadata": {},
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
    }
    assert output == [
        {
            "id": "rs_7_0",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": reasoning_content.encode(Thinking("hm", "sig")),
        },
        {
            "id": "rs_7_1",
            "type": "reasoning",
            "summary": [],
            "encrypted_content": reasoning_content.encode(RedactedThinking("Eo8B")),
        },
        {
            "id": "msg_7_2",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [output_text("a 漢字")],
        },
        {
            "id": "fc_7_3",
            "type": "function_call",
            "status": "completed",
            "call_id": "c1",
            "name": "f",
            "arguments": '{"a":[1]}',
        },
        {
            "id": "fc_7_4",
            "type": "function_call",
            "status": "completed",
            "call_id": "c2",
            "name": "g",
            "namespace": "ns",
            "arguments": "{}",
        },
        {
            "id": "ctc_7_5",
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": "c3",
            "name": "patch",
            "input": "*** Begin",
        },
        {
            "id": "msg_7_6",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [output_text("b")],
        },
    ]


def test_reasoning_shows_and_carries_only_what_was_asked_for(meter):
    first, second, *_ = rendered(meter)["output"]
    nothing: dict[str, Any] = {"type": "reasoning", "summary": [], "encrypted_content": None}
    assert first == nothing | {"id": "rs_7_0"}
    assert second == nothing | {"id": "rs_7_1"}


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        ("end_turn", "completed", None),
        ("tool_use", "completed", None),
        ("stop_sequence", "completed", None),
        ("max_tokens", "incomplete", {"reason": "max_output_tokens"}),
        ("context_window", "incomplete", {"reason": "max_output_tokens"}),
        ("pause_turn", "completed", None),
        ("refusal", "incomplete", {"reason": "content_filter"}),
    ],
)
def test_outcomes(meter, parse, reason, status, details):
    echo = parse(reasoning={"summary": "auto"}, metadata={"a": "b"}).options.echo
    response = rendered(meter, reason=reason, echo=echo)
    assert (response["status"], response["incomplete_details"]) == (status, details)
    assert (response["completed_at"] is not None) == (status == "completed")
    assert Response.model_validate(response, strict=True).status == status


def test_what_explains_a_refusal_is_a_message_of_its_own(meter):
    context = ReplyContext("7", ReplyOptions("m", ECHO, {}), 1700000000, clock=lambda: 1.0)
    reply = Reply((Text("a"),), "refusal", Refusal("cyber", "No."))
    response = json.loads(whole(context, reply, meter))
    texts = [item["content"] for item in response["output"]]
    assert texts == [[output_text("a")], [{"type": "refusal", "refusal": "No."}]]
    assert response["incomplete_details"] == {"reason": "content_filter"}
    assert [item["id"] for item in response["output"]] == ["msg_7_0", "msg_7_1"]


@pytest.mark.parametrize("why", [Refusal("cyber", "No."), Refusal("cyber"), None])
def test_codex_is_told_of_a_refusal_by_a_text(meter, why):
    context = ReplyContext("7", ReplyOptions("m", ECHO, {}, codex=True), 1, clock=lambda: 1.0)
    response = json.loads(whole(context, Reply((Text("a"),), "refusal", why), meter))
    told = why.explanation if why and why.explanation else DECLINED
    assert [item["content"][0]["text"] for item in response["output"]] == ["a", told]
    assert response["status"] == "completed"
    assert "end_turn" not in response


@pytest.mark.parametrize(
    ("reason", "cut", "status"),
    [
        ("max_tokens", True, "incomplete"),
        ("context_window", True, "incomplete"),
        ("max_tokens", False, "completed"),
        ("end_turn", True, "completed"),
    ],
)
def test_a_message_cut_by_a_limit_is_incomplete(meter, reason, cut, status):
    context = ReplyContext("7", ReplyOptions("m", ECHO, {}), 1, clock=lambda: 1.0)
    parts = (Text("a"), ToolCall("c", "f", {}), Text("b"))
    response = json.loads(whole(context, Reply(parts, reason, cut=cut), meter))
    assert [item["status"] for item in response["output"]] == ["completed", "completed", status]


def test_a_search_for_tools_is_called_with_an_object(meter):
    tools = {"tool_search": ClientTool("tool_search", kind="tool_search")}
    context = ReplyContext("7", ReplyOptions("m", ECHO, tools), 1, clock=lambda: 1.0)
    call = ToolCall("c", "tool_search", {"query": "notes"})
    (item,) = json.loads(whole(context, Reply((call,), "tool_use"), meter))["output"]
    assert item == {
        "id": "tsc_7_0",
        "type": "tool_search_call",
        "status": "completed",
        "call_id": "c",
        "execution": "client",
        "arguments": {"query": "notes"},
    }


def test_the_arguments_for_another_agent_are_told_to_be_plain(meter):
    tools = {"a__spawn": ClientTool("spawn", "a", encrypts=True)}
    context = ReplyContext("7", ReplyOptions("m", ECHO, tools), 1, clock=lambda: 1.0)
    parts = (ToolCall("c", "a__spawn", {}), ToolCall("d", "f", {}))
    first, second = json.loads(whole(context, Reply(parts, "tool_use"), meter))["output"]
    assert (first["namespace"], first["name"]) == ("a", "spawn")
    assert first["encrypted_function_args"] == []
    assert "encrypted_function_args" not in second


def test_every_reason_has_an_outcome():
    assert OUTCOMES.keys() == set(get_args(StopReason))


def test_an_empty_answer_is_a_response(meter):
    assert rendered(meter, parts=(), reason="end_turn")["output"] == []
