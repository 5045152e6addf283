"""The answer as one response."""

import json
from typing import Any, get_args

import pytest
from openai.types.responses import Response

from app.core.conversation import RedactedThinking, Text, Thinking, ToolCall
from app.core.events import Refusal, StopReason
from app.core.fold import Reply
from app.dialects.openai_responses import reasoning_content
from app.dialects.openai_responses.parse import parse_responses
from app.dialects.openai_responses.reply import OUTCOMES, ReplyContext, ReplyOptions, whole
from app.dialects.openai_responses.tools import ClientTool

ECHO = parse_responses(b"{}", {}, "m").options.echo
CLIENT_TOOLS = {"patch": ClientTool("patch", custom=True), "ns__g": ClientTool("g", "ns")}
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
            "output_tokens_details": {"reasoning_tokens": 0},
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
    assert texts == [[output_text("a")], [output_text("No.")]]
    assert response["incomplete_details"] == {"reason": "content_filter"}


def test_every_reason_has_an_outcome():
    assert OUTCOMES.keys() == set(get_args(StopReason))


def test_an_empty_answer_is_a_response(meter):
    assert rendered(meter, parts=(), reason="end_turn")["output"] == []
