"""Every captured request of a real client is accepted."""

import json
from pathlib import Path

import pytest
from werkzeug.datastructures import Headers

from app.core.conversation import ToolCall, ToolResult
from app.dialects.openai_chat.parse import parse_chat

PATH = '"path": "/v1/chat/completions"'
REQUESTS = Path(__file__).parents[2] / "corpus/client-requests"
CORPUS = sorted(path for path in REQUESTS.glob("*.json") if PATH in path.read_text())

IGNORED = {
    "detail",
    "max_tokens",
    "parallel_tool_calls",
    "provider_specific_fields",
    "temperature",
}
"""All that any of them sends and this gateway ignores."""


def load(path):
    request = json.loads(path.read_text())
    raw = json.dumps(request["body"], ensure_ascii=False).encode()
    return request["body"], parse_chat(raw, Headers(request["headers"]))


def parts(conversation, kind):
    return [
        part
        for message in conversation.messages
        for part in message.parts
        if isinstance(part, kind)
    ]


def test_the_corpus_is_there():
    assert len(CORPUS) == 53


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_real_request(path):
    body, parsed = load(path)
    conversation = parsed.conversation
    assert parsed.model == conversation.model == body["model"]
    assert parsed.stream == bool(body.get("stream"))
    assert parsed.include_usage == ("stream_options" in body)
    assert set(conversation.ignored) <= IGNORED
    assert conversation.notes == ()
    assert [(call.id, call.name, call.input) for call in parts(conversation, ToolCall)] == [
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        for message in body["messages"]
        for call in message.get("tool_calls", ())
    ]
    assert [result.call_id for result in parts(conversation, ToolResult)] == [
        message["tool_call_id"] for message in body["messages"] if message["role"] == "tool"
    ]
    assert [tool.name for tool in conversation.tools] == [
        tool["function"]["name"] for tool in body.get("tools", ())
    ]


def test_sessions_are_told_where_the_client_tells_them():
    sessions: dict[str, set[str]] = {}
    for path in CORPUS:
        client = path.stem.rpartition("-")[0]
        sessions.setdefault(client, set()).add(load(path)[1].conversation.session)
    assert len(sessions["opencode"] - {""}) > 1
    assert sessions["aider"] == {""}
