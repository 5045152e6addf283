"""The answer as one completion."""

import json

import pytest
from openai.types.chat import ChatCompletion

from app.core.conversation import RedactedThinking, Text, Thinking, ToolCall
from app.core.fold import Reply
from app.core.tokens import TokenCounts
from app.dialects.openai_chat.reply import FINISH_REASONS, ReplyContext, usage, whole

PARTS = (
    Thinking("hm", "sig"),
    RedactedThinking("Eo8B"),
    Text("a 漢字"),
    ToolCall("t", "f", {"a": [1, "é"]}),
    Thinking("m"),
    ToolCall("u", "g", {}),
    Text("b"),
)
USAGE = {
    "prompt_tokens": 1215,
    "completion_tokens": 56,
    "total_tokens": 1271,
    "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 8, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 9,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}


def rendered(meter, *parts, reason="end_turn", **options):
    answer = ReplyContext("chatcmpl-1", 1700000000, "m", **options)
    return json.loads(whole(answer, Reply(parts, reason), meter))


def message(meter, *parts, **options):
    return rendered(meter, *parts, **options)["choices"][0]["message"]


def call(call_id, name, arguments):
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def test_a_whole_completion(meter):
    assert rendered(meter, *PARTS, reason="tool_use") == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "m",
        "service_tier": None,
        "system_fingerprint": None,
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "a 漢字b",
                    "refusal": None,
                    "annotations": [],
                    "reasoning_content": "hmm",
                    "tool_calls": [call("t", "f", '{"a":[1,"é"]}'), call("u", "g", "{}")],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": USAGE,
    }


def test_a_completion_of_text_alone(meter):
    assert message(meter, Text("a")) == {
        "role": "assistant",
        "content": "a",
        "refusal": None,
        "annotations": [],
    }


def test_content_is_null_beside_calls_alone(meter):
    assert message(meter, ToolCall("t", "f", {}))["content"] is None
    assert message(meter)["content"] == ""


def test_a_legacy_call(meter):
    told = rendered(meter, *PARTS, reason="tool_use", legacy=True)["choices"][0]
    assert told["message"]["function_call"] == {"name": "f", "arguments": '{"a":[1,"é"]}'}
    assert "tool_calls" not in told["message"]
    assert told["finish_reason"] == "function_call"


def test_finish_reasons_are_those_of_the_api():
    assert FINISH_REASONS == {
        "end_turn": "stop",
        "tool_use": "tool_calls",
        "max_tokens": "length",
        "stop_sequence": "stop",
        "context_window": "length",
        "pause_turn": "stop",
        "refusal": "content_filter",
        "compaction": "stop",
    }


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("reason", FINISH_REASONS)
@pytest.mark.parametrize("parts", [PARTS, ()], ids=["parts", "nothing"])
def test_the_sdks_types_take_it_strictly(meter, parts, reason, legacy):
    read = ChatCompletion.model_validate(
        rendered(meter, *parts, reason=reason, legacy=legacy), strict=True
    )
    assert read.choices[0].finish_reason in set(FINISH_REASONS.values()) | {"function_call"}


def test_cached_tokens_are_part_of_the_prompt():
    told = usage(TokenCounts(100, 20, cache_read_tokens=30, cache_write_tokens=4))
    assert told.prompt_tokens == 134
    assert told.total_tokens == 154
    assert told.prompt_tokens_details.cached_tokens == 30
    assert told.prompt_tokens_details.cache_write_tokens == 4


@pytest.mark.parametrize(
    ("form", "given", "told"),
    [
        ("custom", {"input": "a\n"}, {"type": "custom", "custom": {"name": "f", "input": "a\n"}}),
        ("custom", {"a": 1}, {"type": "custom", "custom": {"name": "f", "input": '{"a":1}'}}),
        (
            "text",
            {"input": "a\n"},
            {"type": "function", "function": {"name": "f", "arguments": "a\n"}},
        ),
    ],
)
def test_a_call_with_free_text(meter, form, given, told):
    (call,) = message(meter, ToolCall("t", "f", given), forms={"f": form})["tool_calls"]
    assert call == {"id": "t", **told}
    one = rendered(meter, ToolCall("t", "f", given), reason="tool_use", forms={"f": form})
    read = ChatCompletion.model_validate(one).choices[0].message.tool_calls
    assert [call.type for call in read or ()] == [told["type"]]
