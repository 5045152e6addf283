"""Every captured request of a real client is accepted."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.datastructures import Headers

from app.core.conversation import Conversation, ToolCall, ToolResult
from app.dialects.openai_responses.parse import parse_responses

REQUESTS = Path(__file__).parents[2] / "corpus/client-requests"
CORPUS = sorted(
    path for path in REQUESTS.glob("*.json") if '"path": "/v1/responses' in path.read_text()
)

IGNORED = {
    "client_metadata",
    "detail",
    "max_output_tokens",
    "strict",
    "tool_search",
    "verbosity",
    "web_search",
}
"""All that any of them sends and this gateway ignores."""


def parsed(path):
    request = json.loads(path.read_text())
    raw = json.dumps(request["body"], ensure_ascii=False).encode()
    return request["body"], parse_responses(raw, Headers(request["headers"]), "default")


def test_the_corpus_is_there():
    assert len(CORPUS) == 30


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_real_request(path):
    body, request = parsed(path)
    conversation = request.conversation
    assert conversation.model == body["model"]
    assert request.stream == bool(body.get("stream"))
    assert set(conversation.ignored) <= IGNORED
    assert conversation.notes == ()
    items = body["input"] if isinstance(body["input"], list) else []
    sent = [
        (item["type"], item["call_id"])
        for item in items
        if item.get("type") in ("function_call", "function_call_output")
    ]
    assert list(calls_and_results(conversation)) == sent


def calls_and_results(conversation: Conversation) -> Iterator[tuple[str, str]]:
    for message in conversation.messages:
        for part in message.parts:
            if isinstance(part, ToolCall):
                yield "function_call", part.id
            elif isinstance(part, ToolResult):
                yield "function_call_output", part.call_id


def test_codex_offers_its_namespaces_and_custom_tools():
    codex = [path for path in CORPUS if path.stem.startswith("codex")]
    assert len(codex) == 6
    tools = [
        (name, tool)
        for path in codex
        for name, tool in parsed(path)[1].options.client_tools.items()
    ]
    assert "multi_agent_v1__spawn_agent" in {name for name, tool in tools if tool.namespace}
    assert {name for name, tool in tools if tool.kind == "custom"} == {"apply_patch"}


def test_sessions_are_told_apart():
    sessions: dict[str, set[str]] = {}
    for path in CORPUS:
        sessions.setdefault(path.stem.split("-")[0], set()).add(
            parsed(path)[1].conversation.session
        )
    assert len(sessions["codex"]) == 5  # two of the six requests are of one task
    assert "" not in sessions["codex"]
    assert sessions["vercel"] == {""}
