"""Every captured request of a real client is accepted, and becomes one that the service accepts."""

import json
from pathlib import Path

import msgspec
import pytest
from werkzeug.datastructures import Headers

from app.codewhisperer.hosts import candidates
from app.codewhisperer.request import render
from app.core.conversation import ToolCall, ToolResult
from app.core.models import resolve
from app.dialects.openai_chat.parse import parse_chat
from app.simulator.validate import violations

PATH = '"path": "/v1/chat/completions"'
REQUESTS = Path(__file__).parents[2] / "corpus/client-requests"
CORPUS = sorted(path for path in REQUESTS.glob("*.json") if PATH in path.read_text())
HOSTS = candidates("us-east-1", None)
SONNET = resolve("claude-sonnet-4-5", "auto", {}).model

IGNORED = {
    "detail",
    "max_tokens",
    "parallel_tool_calls",
    "provider_specific_fields",
    "strict",
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


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.generation)
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_the_service_accepts_it(path, host):
    rendered = render(
        load(path)[1].conversation,
        host=host,
        model=SONNET,
        profile_arn="arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK",
        conversation_id="conversation",
        max_description=10_000,
    )
    body = msgspec.json.decode(rendered.body)
    assert violations(body, headers=host.chat()[1], binding=host.binding) == []


def test_sessions_are_told_where_the_client_tells_them():
    sessions = {}
    for path in CORPUS:
        client = path.stem.rpartition("-")[0]
        sessions.setdefault(client, set()).add(load(path)[1].conversation.session)
    assert len(sessions["opencode"] - {""}) > 1
    assert sessions["aider"] == {""}
