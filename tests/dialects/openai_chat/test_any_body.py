"""Whatever a body holds, it is understood or refused: nothing else ever comes out."""

import copy

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from app.core.conversation import Conversation
from app.dialects.openai_chat.parse import parse_chat
from app.errors import GatewayError, Kind

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
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
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


def places(value, path=()):
    """Where in it something can be put in the place of something else."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in members:
        yield (*path, key)
        if isinstance(member, dict | list):
            yield from places(member, (*path, key))


PLACES = list(places(BODY))
MISSING = object()
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | st.sampled_from(["text", "function", "custom", "file", "none", "required", "user", "f"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "name", "content", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)


def put(body, path, value):
    for key in path[:-1]:
        body = body[key]
    if value is MISSING:
        del body[path[-1]]
    else:
        body[path[-1]] = value


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
@given(st.sampled_from(PLACES), st.just(MISSING) | values)
def test_a_body_with_one_thing_changed(place, value):
    body = copy.deepcopy(BODY)
    put(body, place, value)
    result = outcome(msgspec.json.encode(body))
    if isinstance(result, GatewayError):
        assert result.kind is Kind.INVALID_REQUEST
        assert result.message.startswith(f"{result.field}: ")
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
