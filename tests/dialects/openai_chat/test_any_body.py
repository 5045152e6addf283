"""Whatever a body holds, it is understood or refused: nothing else ever comes out."""

import msgspec
import pytest
from hypothesis import given, settings
from werkzeug.datastructures import Headers

from app.common.errors import GatewayError
from app.core.conversation import Conversation
from app.dialects.openai_chat.parse import parse_chat
from tests.dialects.changed import changed, names_its_field

FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
CALL = {"name": "f", "arguments": '{"a": 1}'}
BODY = {
    "model": "m",
    "stream": True,
    "stream_options": {"include_usage": True},
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "s"}]},
        {
            "role": "user",
            "name": "n",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "r"}],
            "refusal": "r",
            "tool_calls": [{"id": "x", "type": "function", "function": CALL}],
        },
        {"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": "a"}]},
        {"role": "developer", "content": "d"},
        {"role": "assistant", "content": None, "function_call": CALL},
        {"role": "function", "name": "f", "content": "a"},
    ],
    "tools": [
        {"type": "function", "function": FUNCTION},
        {"type": "function", "function": {"name": "g"}},
        {"type": "web_search"},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": "required",
            "tools": [{"type": "function", "function": {"name": "g"}}],
        },
    },
    "functions": [FUNCTION],
    "function_call": {"name": "f"},
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
    },
    "reasoning_effort": "high",
    "prompt_cache_key": "k",
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "max_tokens": 9,
    "max_completion_tokens": 9,
    "stop": ["x"],
    "parallel_tool_calls": False,
    "temperature": 1,
    "top_p": 1,
    "seed": 1,
}


def outcome(raw):
    """The conversation or the error; any other exception is the test's failure."""
    try:
        return parse_chat(raw, Headers()).conversation
    except GatewayError as error:
        return error


def test_the_body_itself_is_understood():
    conversation = outcome(msgspec.json.encode(BODY))
    assert isinstance(conversation, Conversation)
    assert [tool.name for tool in conversation.tools] == ["g"]


@settings(deadline=None, max_examples=600)
@given(
    changed(BODY, "text", "function", "custom", "file", "none", "required", "user", "f", "content")
)
def test_a_body_with_one_thing_changed(raw):
    result = outcome(raw)
    if isinstance(result, GatewayError):
        assert names_its_field(result)
    else:
        assert isinstance(result, Conversation)


IN_A_SCHEMA = (
    b'{"model":"m","messages":[{"role":"user","content":"a"}],"tools":'
    b'[{"type":"function","function":{"name":"f","parameters":{"a":%b}}}]}'
)
IN_ARGUMENTS = (
    b'{"model":"m","messages":[{"role":"assistant","function_call":'
    b'{"name":"f","arguments":"{\\"a\\":%b}"}}]}'
)


@pytest.mark.parametrize("depth", [50, 200, 400, 800, 1600, 10_000, 100_000])
@pytest.mark.parametrize("inside", [IN_A_SCHEMA, IN_ARGUMENTS])
def test_what_is_nested_beyond_reason_is_refused(inside, depth):
    result = outcome(inside % (b"[" * depth + b"]" * depth))
    if isinstance(result, GatewayError):
        assert depth > 50
        assert result.message == "The request body is nested too deeply"
    else:
        assert depth < 100_000
