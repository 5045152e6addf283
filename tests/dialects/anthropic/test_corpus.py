"""Every captured request of a real client is accepted, or refused as its client can bear."""

import json
from pathlib import Path

import pytest
from werkzeug.datastructures import Headers

from app.common.errors import GatewayError, Kind
from app.core.conversation import ToolResult
from app.dialects.anthropic.parse import parse_count_tokens, parse_messages

REQUESTS = Path(__file__).parents[2] / "corpus/client-requests"
CORPUS = sorted(path for path in REQUESTS.glob("*.json") if '"/v1/messages' in path.read_text())

IGNORED = {
    "cache_control",
    "defer_loading",
    "disable_parallel_tool_use",
    "eager_input_streaming",
    "budget_tokens",
    "max_tokens",
    "temperature",
    "web_search_20250305",
}
"""All that any of them sends and this gateway ignores."""

NOTES = {"tool_reference_as_text"}


def load(path):
    request = json.loads(path.read_text())
    raw = json.dumps(request["body"], ensure_ascii=False).encode()
    return request, raw, Headers(request["headers"])


def parsed(request, raw, headers):
    if request["path"].endswith("count_tokens"):
        return parse_count_tokens(raw, headers).conversation
    return parse_messages(raw, headers).conversation


def test_the_corpus_is_there():
    assert len(CORPUS) == 88


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_real_request(path):
    request, raw, headers = load(path)
    body = request["body"]
    if "thread" in body:
        with pytest.raises(GatewayError) as failure:
            parsed(request, raw, headers)
        assert failure.value.kind is Kind.UNSUPPORTED_THREAD
        return
    conversation = parsed(request, raw, headers)
    assert conversation.model == body["model"]
    assert [m.role for m in conversation.messages] == [m["role"] for m in body["messages"]]
    assert set(conversation.ignored) <= IGNORED
    assert set(conversation.notes) <= NOTES
    assert [
        part.call_id
        for m in conversation.messages
        for part in m.parts
        if isinstance(part, ToolResult)
    ] == [
        block["tool_use_id"]
        for message in body["messages"]
        if isinstance(message["content"], list)
        for block in message["content"]
        if block["type"] == "tool_result"
    ]


def test_sessions_of_claude_code_are_told_apart():
    sessions: dict[str, set[str]] = {}
    for path in CORPUS:
        request, raw, headers = load(path)
        if "thread" not in request["body"]:
            sessions.setdefault(request["client"], set()).add(parsed(request, raw, headers).session)
    assert "" not in sessions["claude-code"]
    assert len(sessions["claude-code"]) > 10
    assert sessions["aider"] == {""}
