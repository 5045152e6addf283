"""Every captured request of a real client is accepted."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.datastructures import Headers

from app.core.conversation import Conversation, Text, ToolCall, ToolResult
from app.dialects.openai_responses.parse import parse_responses

REQUESTS = Path(__file__).parents[2] / "corpus/client-requests"
CORPUS = sorted(
    path for path in REQUESTS.glob("*.json") if '"path": "/v1/responses' in path.read_text()
)
NEWEST = sorted((REQUESTS.parent / "client-requests-2026-11").glob("codex-*.json"))

IGNORED = {
    "client_metadata",
    "context",
    "detail",
    "max_output_tokens",
    "parallel_tool_calls",
    "search_content_types",
    "verbosity",
}
"""All that any of them sends and this gateway ignores."""


def parsed(path):
    request = json.loads(path.read_text())
    raw = json.dumps(request["body"], ensure_ascii=False).encode()
    return request["body"], parse_responses(raw, Headers(request["headers"]), "default")


def test_the_corpus_is_there():
    assert len(CORPUS) == 30


@pytest.mark.parametrize("path", [*CORPUS, *NEWEST], ids=lambda path: path.stem)
def test_a_real_request(path):
    body, request = parsed(path)
    conversation = request.conversation
    assert conversation.model == body["model"]
    assert request.stream == bool(body.get("stream"))
    assert set(conversation.ignored) <= IGNORED
    assert conversation.notes == ()
    items = body["input"] if isinstance(body["input"], list) else []
    sent = [(KINDS[item["type"]], item["call_id"]) for item in items if item.get("type") in KINDS]
    assert list(calls_and_results(conversation)) == sent
    assert request.options.codex == (path.stem.startswith("codex"))


KINDS = {
    f"{kind}_{suffix}": side
    for kind in ("function", "custom_tool", "tool_search")
    for suffix, side in (("call", "call"), ("call_output", "result"), ("output", "result"))
}


def calls_and_results(conversation: Conversation) -> Iterator[tuple[str, str]]:
    for message in conversation.messages:
        for part in message.parts:
            if isinstance(part, ToolCall):
                yield "call", part.id
            elif isinstance(part, ToolResult):
                yield "result", part.call_id


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


def test_the_newest_codex_keeps_its_agents_and_its_tools():
    by_name = {path.stem.removeprefix("codex-"): parsed(path)[1] for path in NEWEST}
    agent = by_name["0.171.0-329"].conversation
    (*_, task) = agent.messages
    assert task.role == "user"
    assert isinstance(task.parts[-1], Text)
    assert task.parts[-1].text == "MARKER-TASK say pong"
    found = by_name["0.171.0-30"].options.client_tools
    assert found["tool_search"].kind == "tool_search"
    assert {tool.namespace for tool in found.values()} >= {"mcp__notes"}
    lite = by_name["0.171.0-333"].options.client_tools
    assert lite["functions__exec"].kind == "custom"
    assert {name for name, tool in lite.items() if tool.encrypts} == {
        "collaboration__followup_task",
        "collaboration__send_message",
        "collaboration__spawn_agent",
    }


def test_sessions_are_told_apart():
    sessions: dict[str, set[str]] = {}
    for path in CORPUS:
        sessions.setdefault(path.stem.split("-")[0], set()).add(
            parsed(path)[1].conversation.session
        )
    assert len(sessions["codex"]) == 5  # two of the six requests are of one task
    assert "" not in sessions["codex"]
    assert sessions["vercel"] == {""}
