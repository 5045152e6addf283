"""Whatever a body holds, it is understood or refused: nothing else ever comes out."""

import msgspec
import pytest
from hypothesis import given, settings
from werkzeug.datastructures import Headers

from app.common.errors import GatewayError
from app.dialects.openai_responses.items.compaction import content
from app.dialects.openai_responses.parse import ParsedRequest, parse_responses
from tests.dialects.changed import changed, names_its_field

BODY = {
    "model": "m",
    "stream": True,
    "instructions": "i",
    "input": [
        {"role": "developer", "content": "d"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "a"},
                {
                    "type": "input_image",
                    "image_url": "data:image/png;base64,iVBORw0KGgo=",
                    "detail": "low",
                },
                {"type": "input_file", "filename": "a.txt", "file_data": "YWJj"},
            ],
        },
        {"type": "compaction_trigger", "id": "ct_1"},
        {"type": "compaction", "id": "cmp_1", "encrypted_content": content("so far")},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "AAAA"},
        {
            "type": "message",
            "role": "assistant",
            "id": "msg_1",
            "content": [
                {"type": "output_text", "text": "b", "annotations": []},
                {"type": "refusal", "refusal": "c"},
            ],
        },
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'},
        {"type": "custom_tool_call", "call_id": "d", "name": "p", "input": "x", "namespace": "n"},
        {"type": "web_search_call", "id": "ws", "action": {"query": []}},
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [{"type": "input_text", "text": "a"}],
        },
        {"type": "custom_tool_call_output", "call_id": "d", "output": "x"},
        {"type": "additional_tools", "tools": [{"type": "function", "name": "h"}]},
        {"type": "tool_search_call", "call_id": "e", "execution": "client", "arguments": {}},
        {
            "type": "tool_search_output",
            "call_id": "e",
            "execution": "client",
            "tools": [{"type": "function", "name": "i", "defer_loading": True}],
        },
        {
            "type": "agent_message",
            "author": "a",
            "content": [
                {"type": "input_text", "text": "a"},
                {"type": "encrypted_content", "encrypted_content": "b"},
            ],
        },
        {"type": "of_tomorrow", "content": [{"type": "t", "text": "a"}]},
    ],
    "tools": [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
        {
            "type": "custom",
            "name": "p",
            "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
        },
        {"type": "namespace", "name": "n", "tools": [{"type": "custom", "name": "g"}]},
        {"type": "web_search"},
        {
            "type": "tool_search",
            "execution": "client",
            "parameters": {"properties": {"q": {"type": "string", "encrypted": True}}},
        },
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "f"}],
    },
    "reasoning": {"effort": "high", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
    "include": ["reasoning.encrypted_content"],
    "metadata": {"a": "b"},
    "prompt_cache_key": "k",
    "store": True,
    "max_output_tokens": 99,
    "context_management": [{"type": "compaction", "compact_threshold": 1000}],
}


WORDS_OF_THE_API = {"missing_required_parameter", "invalid_type"}
"""Codes of refusals in the API's own words, which name the field inside."""


def outcome(raw):
    """The request or the error; any other exception is the test's failure."""
    try:
        return parse_responses(raw, Headers(), "default")
    except GatewayError as error:
        return error


def refers_to_nothing(error):
    """Whether it says, in the API's own words, that what is referred to is not kept."""
    fields = ("input", "previous_response_id", "conversation")
    return error.field in fields and " not found." in error.message


def test_the_body_itself_is_understood():
    parsed = outcome(msgspec.json.encode(BODY))
    assert [tool.name for tool in parsed.conversation.tools] == ["f"]
    assert [message.role for message in parsed.conversation.messages] == [
        "user",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "user",
        "user",
    ]


@settings(deadline=None, max_examples=600)
@given(
    changed(
        BODY, "message", "function", "custom", "namespace", "auto", "user", "text", "role", "id"
    )
)
def test_a_body_with_one_thing_changed(raw):
    result = outcome(raw)
    if isinstance(result, GatewayError):
        named = names_its_field(result) or result.code in WORDS_OF_THE_API
        assert named or refers_to_nothing(result)
    else:
        assert isinstance(result, ParsedRequest)


@pytest.mark.parametrize("depth", [50, 200, 400, 800, 1600, 10_000, 100_000])
def test_what_is_nested_beyond_reason_is_refused(depth):
    """At every depth: what JSON's reader takes may still be too deep for what comes after it."""
    raw = b'{"input":[{"type":"mcp_call","output":%b}]}' % (b"[" * depth + b"]" * depth)
    result = outcome(raw)
    if isinstance(result, GatewayError):
        assert depth > 50
        assert result.message == "The request body is nested too deeply"
    else:
        assert depth < 100_000
