"""Whatever a body holds, it is understood or refused: nothing else ever comes out."""

import msgspec
import pytest
from hypothesis import given, settings
from werkzeug.datastructures import Headers

from app.common.errors import GatewayError
from app.core.conversation import Conversation
from app.dialects.anthropic.parse import parse_count_tokens, parse_messages
from tests.dialects.changed import changed, names_its_field

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
                    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
                },
                {"type": "document", "source": {"type": "content", "content": "d"}},
                {"type": "search_result", "source": "s", "title": "t", "content": []},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {
                    "type": "compaction",
                    "content": "so far",
                    "tool_changes": [
                        {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "f"}}
                    ],
                },
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
    "context_management": {
        "edits": [
            {"type": "clear_thinking_20251015", "keep": {"type": "thinking_turns", "value": 1}},
            {
                "type": "clear_tool_uses_20250919",
                "trigger": {"type": "tool_uses", "value": 0},
                "keep": {"type": "tool_uses", "value": 0},
                "clear_at_least": {"type": "input_tokens", "value": 1},
                "exclude_tools": ["g"],
                "clear_tool_inputs": ["f"],
            },
            {
                "type": "compact_20260112",
                "trigger": {"type": "input_tokens", "value": 50_000},
                "pause_after_compaction": True,
                "instructions": "i",
            },
        ]
    },
}


def test_the_body_itself_is_understood():
    parsed = parse_messages(msgspec.json.encode(BODY), Headers())
    assert [tool.name for tool in parsed.conversation.tools] == ["bash", "web_search", "g"]


def outcome(parser, raw):
    """The conversation or the error; any other exception is the test's failure."""
    try:
        parsed = parser(raw, Headers())
    except GatewayError as error:
        return error
    return getattr(parsed, "conversation", parsed)


@settings(deadline=None, max_examples=600)
@given(changed(BODY, "text", "tool", "custom", "image", "none", "base64", "user", "low", "content"))
def test_a_body_with_one_thing_changed(raw):
    for parser in (parse_messages, parse_count_tokens):
        result = outcome(parser, raw)
        if isinstance(result, GatewayError):
            assert names_its_field(result)
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
