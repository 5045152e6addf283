"""The answer as one message."""

import json

import pytest
from anthropic.types import Message
from anthropic.types.beta import BetaMessage

from app.core.conversation import (
    HostedToolUse,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolSearchResult,
)
from app.core.fold import Reply
from app.dialects.anthropic.reply import STOP_REASONS, ReplyContext, whole

PARTS = (
    Thinking("hm", "sig"),
    RedactedThinking("Eo8B"),
    Text("a 漢字"),
    ToolCall("t", "f", {"a": [1]}),
    Text("b"),
)


def rendered(meter, parts=PARTS, reason="tool_use", **options):
    return json.loads(whole(ReplyContext("msg_1", "m", **options), Reply(parts, reason), meter))


def test_a_whole_message(meter):
    assert rendered(meter) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "Eo8B"},
            {"type": "text", "text": "a 漢字"},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1]}},
            {"type": "text", "text": "b"},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": 1200,
            "cache_creation_input_tokens": 8,
            "cache_read_input_tokens": 7,
            "output_tokens": 56,
            "output_tokens_details": {"thinking_tokens": 9},
            "server_tool_use": None,
            "cache_creation": None,
            "inference_geo": None,
            "service_tier": None,
        },
    }


def test_searches_are_counted(meter):
    use = HostedToolUse("s", "tool_search_tool_bm25", {}, ToolSearchResult(("f",)))
    usage = rendered(meter, (use, Text("a"), use), "end_turn")["usage"]
    assert usage["server_tool_use"] == {
        "tool_search_requests": 2,
        "web_search_requests": 0,
        "web_fetch_requests": 0,
    }


def test_a_check_that_is_not_made_is_told_as_unavailable(meter):
    assert "safeguard_results" not in rendered(meter)
    assert rendered(meter, safeguards=("dangerous_tool_use",))["safeguard_results"] == [
        {
            "type": "dangerous_tool_use",
            "status": {"type": "unavailable", "reason": "disabled"},
        }
    ]


@pytest.mark.parametrize(("reason", "told"), STOP_REASONS.items())
def test_the_sdks_types_take_it_strictly(meter, reason, told):
    kind = BetaMessage if told == "compaction" else Message
    read = kind.model_validate(rendered(meter, reason=reason), strict=True)
    assert read.stop_reason == told
    assert (read.stop_details is not None) == (told == "refusal")


def test_an_empty_answer_is_a_message(meter):
    assert rendered(meter, parts=(), reason="end_turn")["content"] == []


def test_omitted_thinking_keeps_its_signature(meter):
    content = rendered(meter, omit_thinking=True)["content"]
    assert content[0] == {"type": "thinking", "thinking": "", "signature": "sig"}
