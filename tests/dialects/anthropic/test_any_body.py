"""Whatever a body holds, it is understood or refused: nothing else ever comes out."""

import copy

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from app.core.conversation import Conversation
from app.dialects.anthropic.parse import parse_count_tokens, parse_messages
from app.errors import GatewayError, Kind

BODY = {
    "model": "m",
    "max_tokens": 2000,
    "stream": True,
    "system": [{"type": "text", "text": "s"}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
                },
                {"type": "document", "source": {"type": "content", "content": "d"}},
                {"type": "search_result", "source": "s", "title": "t", "content": []},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": []}},
                {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"url": "u"}]},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [
                        {"type": "text", "text": "a"},
                        {"type": "tool_reference", "tool_name": "g"},
                        {"type": "browser_state", "tabs": [{}]},
                    ],
                }
            ],
        },
        {
            "role": "system",
            "content": [
                {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "f"}},
                {
                    "type": "tool_addition",
                    "tool": {
                        "type": "tool_definition",
                        "definition": {"name": "g", "input_schema": {}},
                    },
                },
            ],
            "output_config": {"effort": "low"},
            "clear_at": "never",
        },
    ],
    "tools": [
        {"name": "f", "input_schema": {"type": "object"}},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "tool_choice": {"type": "tool", "name": "bash"},
    "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"},
    "metadata": {"user_id": "u"},
    "output_config": {
        "effort": "high",
        "format": {"type": "json_schema", "schema": {}},
    },
    "stop_sequences": ["x"],
    "temperature": 1,
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
    | st.sampled_from(["text", "tool", "custom", "image", "none", "base64", "user", "low"]),
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


def test_the_body_itself_is_understood():
    parsed = parse_messages(msgspec.json.encode(BODY), Headers())
    assert [tool.name for tool in parsed.conversation.tools] == ["bash", "g"]


def outcome(parser, raw):
    """The conversation or the error; any other exception is the test's failure."""
    try:
        parsed = parser(raw, Headers())
    except GatewayError as error:
        return error
    return getattr(parsed, "conversation", parsed)


@settings(deadline=None, max_examples=600)
@given(st.sampled_from(PLACES), st.just(MISSING) | values)
def test_a_body_with_one_thing_changed(place, value):
    body = copy.deepcopy(BODY)
    put(body, place, value)
    raw = msgspec.json.encode(body)
    for parser in (parse_messages, parse_count_tokens):
        result = outcome(parser, raw)
        if isinstance(result, GatewayError):
            assert result.kind is Kind.INVALID_REQUEST
            assert result.message.startswith(f"{result.field}: ")
        else:
            assert isinstance(result, Conversation)


@pytest.mark.parametrize("depth", [50, 200, 400, 800, 1600, 10_000, 100_000])
def test_what_is_nested_beyond_reason_is_refused(depth):
    """At every depth: what JSON's reader takes may still be too deep for what comes after it."""
    raw = (
        b'{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":'
        b'[{"type":"web_search_tool_result","tool_use_id":"s","content":%b}]}]}'
        % (b"[" * depth + b"]" * depth)
    )
    result = outcome(parse_messages, raw)
    if isinstance(result, GatewayError):
        assert depth > 50
        assert result.message == "The request body is nested too deeply"
    else:
        assert depth < 100_000
