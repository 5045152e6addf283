"""Reasoning in the places and forms in which models send it: what clients get of it, streamed and
whole, and what goes back to the service with the next request.
"""

import json
from typing import Any

import pytest

from app.core.conversation import Conversation, Part, RedactedThinking, Text, Thinking, ToolCall
from app.core.events import Event
from app.dialects.anthropic import reply as messages
from app.dialects.anthropic.parse import parse_messages
from app.dialects.anthropic.stream import StreamEncoder as MessagesEncoder
from app.dialects.openai_chat import reply as chat
from app.dialects.openai_chat.parse import parse_chat
from app.dialects.openai_chat.stream import StreamEncoder as ChatEncoder
from app.dialects.openai_responses import reply as responses
from app.dialects.openai_responses.parse import parse_responses
from app.dialects.openai_responses.stream import StreamEncoder as ResponsesEncoder
from tests.codewhisperer.answer.hearing import hear_every_way, metadata, reasoning, text, tool
from tests.codewhisperer.request.test_render import body
from tests.core.folding import fold
from tests.dialects.doubles import FixedMeter

OPTIONS = parse_responses(
    b'{"input":"hi","include":["reasoning.encrypted_content"],"reasoning":{"summary":"auto"}}',
    {},
    "m",
).options
MESSAGES = messages.ReplyContext("msg_1", "m")
CHAT = chat.ReplyContext("chatcmpl-1", 1, "m")
RESPONSES = responses.ReplyContext("7", OPTIONS, 1, lambda: 2.0)

CALL = tool("t", input='{"a": 1}'), tool("t", stop=True)
CALLED, SAID = ToolCall("t", "read", {"a": 1}), Text("hi")
LATE: dict[str, tuple[tuple[bytes, ...], tuple[Part, ...], Any]] = {
    "text with a signature after a call": (
        (text("hi"), *CALL, reasoning(text="hm", signature="c2ln")),
        (SAID, CALLED, Thinking("hm", "c2ln")),
        {"reasoningText": {"text": "hm", "signature": "c2ln"}},
    ),
    "opaque data after a call": (
        (text("hi"), *CALL, reasoning(redactedContent="b3A=")),
        (SAID, CALLED, RedactedThinking("b3A=")),
        {"redactedContent": "b3A="},
    ),
    "inside a call, which it must not interrupt": (
        (text("hi"), CALL[0], reasoning(text="hm", signature="c2ln"), CALL[1]),
        (SAID, CALLED, Thinking("hm", "c2ln")),
        {"reasoningText": {"text": "hm", "signature": "c2ln"}},
    ),
    "the signature in an event of its own": (
        (reasoning(text="h"), reasoning(text="m"), reasoning(signature="c2ln"), text("hi"), *CALL),
        (Thinking("hm", "c2ln"), SAID, CALLED),
        {"reasoningText": {"text": "hm", "signature": "c2ln"}},
    ),
    "a signature alone": (
        (reasoning(signature="c2ln"), text("hi"), *CALL),
        (Thinking("", "c2ln"), SAID, CALLED),
        {"reasoningText": {"text": "", "signature": "c2ln"}},
    ),
    "an empty signature": (
        (reasoning(text="hm", signature=""), reasoning(signature=""), text("hi"), *CALL),
        (Thinking("hm", ""), SAID, CALLED),
        None,
    ),
}
every_place = pytest.mark.parametrize(("frames", "parts", "sent"), LATE.values(), ids=LATE)


def heard(frames: tuple[bytes, ...]) -> list[Event]:
    outcome = hear_every_way(b"".join(frames) + metadata(stopReason="END_TURN"))
    assert outcome.kind is None
    return outcome.events


def sent_back(conversation: Conversation) -> Any:
    """The reasoning in the assistant's turn of the next request."""
    state = body(*conversation.messages, tools=conversation.tools)["conversationState"]
    [turn] = [
        entry["assistantResponseMessage"]
        for entry in state["history"]
        if "assistantResponseMessage" in entry
    ]
    assert (turn["content"], turn["toolUses"][0]["toolUseId"]) == ("hi", "t")
    return turn.get("reasoningContent")


@every_place
def test_messages(frames: tuple[bytes, ...], parts: tuple[Part, ...], sent: Any) -> None:
    """docs/upstream.md: Late and unsigned reasoning"""
    events = heard(frames)
    assert fold(events).parts == parts
    whole = json.loads(messages.whole(MESSAGES, fold(events), FixedMeter()))
    stream = MessagesEncoder(MESSAGES, FixedMeter()).feed(events)
    kinds = [
        json.loads(line.removeprefix(b"data: "))["content_block"]["type"]
        for line in stream.splitlines()
        if b'"content_block_start"' in line and line.startswith(b"data: ")
    ]
    assert kinds == [block["type"] for block in whole["content"]]
    result = {"type": "tool_result", "tool_use_id": "t", "content": "1"}
    turns = [("user", "go"), ("assistant", whole["content"]), ("user", [result])]
    request = {
        "model": "claude-opus-5",
        "max_tokens": 10,
        "tools": [{"name": "read", "input_schema": {"type": "object"}}],
        "messages": [{"role": role, "content": content} for role, content in turns],
    }
    parsed = parse_messages(json.dumps(request).encode(), {})
    assert sent_back(parsed.conversation) == sent


@every_place
def test_responses(frames: tuple[bytes, ...], parts: tuple[Part, ...], sent: Any) -> None:
    """docs/upstream.md: Late and unsigned reasoning"""
    events = heard(frames)
    whole = json.loads(responses.whole(RESPONSES, fold(events), FixedMeter()))
    stream = ResponsesEncoder(RESPONSES, FixedMeter()).feed(events)
    done = [
        json.loads(line.removeprefix(b"data: "))["item"]
        for line in stream.splitlines()
        if line.startswith(b"data: ") and b'"response.output_item.done"' in line
    ]
    assert [item["type"] for item in done] == [item["type"] for item in whole["output"]]
    result = {"type": "function_call_output", "call_id": "t", "output": "1"}
    request = {
        "model": "gpt-5.6-sol",
        "tools": [{"type": "function", "name": "read", "parameters": {"type": "object"}}],
        "input": [{"role": "user", "content": "go"}, *done, result],
    }
    parsed = parse_responses(json.dumps(request).encode(), {}, "m")
    assert sent_back(parsed.conversation) == sent


@every_place
def test_chat(frames: tuple[bytes, ...], parts: tuple[Part, ...], sent: Any) -> None:
    """The API has no place for a signature, so reasoning does not go back.

    docs/upstream.md: Late and unsigned reasoning
    """
    events = heard(frames)
    thought = "".join(part.text for part in parts if isinstance(part, Thinking))
    whole = json.loads(chat.whole(CHAT, fold(events), FixedMeter()))["choices"][0]
    assert whole["message"].get("reasoning_content", "") == thought
    assert whole["finish_reason"] == "tool_calls"
    stream = ChatEncoder(CHAT, FixedMeter()).feed(events)
    chunks = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith(b"data: {")]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == thought
    result = {"role": "tool", "tool_call_id": "t", "content": "1"}
    function = {"name": "read", "parameters": {"type": "object"}}
    request = {
        "model": "gpt-5.6-sol",
        "tools": [{"type": "function", "function": function}],
        "messages": [{"role": "user", "content": "go"}, whole["message"], result],
    }
    parsed = parse_chat(json.dumps(request).encode(), {})
    assert sent_back(parsed.conversation) is None
