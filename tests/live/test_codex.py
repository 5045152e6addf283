"""Codex's own items over real sockets: tools that it finds by a search, and agents that it starts.

Source: Codex 0.144, 0.153 and 0.171 in front of a scripted server.
"""

import json
from typing import Any

import openai
import pytest
import requests
from openai import OpenAI

from app.simulator import Simulator
from tests.live.openai_shared import MODEL, asked, chats, state
from tests.live.servers import KEY, Gateway

HEADERS = {"originator": "codex_exec", "session-id": "s-1", "thread-id": "s-1"}
SEARCH = {
    "type": "tool_search",
    "execution": "client",
    "description": "Searches over deferred tools.",
    "parameters": {
        "type": "object",
        "properties": {"query": {"type": "string"}},
        "required": ["query"],
    },
}
NOTES = {
    "type": "namespace",
    "name": "mcp__notes",
    "description": "Notes.",
    "tools": [
        {
            "type": "function",
            "name": "add_note",
            "description": "Adds a note.",
            "strict": False,
            "defer_loading": True,
            "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
        }
    ],
}
AGENTS = {
    "type": "additional_tools",
    "id": "at_1",
    "role": "developer",
    "tools": [
        {
            "type": "namespace",
            "name": "functions",
            "description": "",
            "tools": [{"type": "custom", "name": "exec", "description": "Runs JavaScript."}],
        },
        {
            "type": "namespace",
            "name": "collaboration",
            "description": "Agents.",
            "tools": [
                {
                    "type": "function",
                    "name": "spawn_agent",
                    "description": "Starts an agent.",
                    "parameters": {
                        "type": "object",
                        "properties": {"message": {"type": "string", "encrypted": True}},
                    },
                }
            ],
        },
    ],
}


@pytest.fixture
def codex(gateway: Gateway) -> Any:
    """Strict about the types of what it reads."""
    return OpenAI(
        base_url=f"{gateway.url}/v1",
        api_key=KEY,
        max_retries=0,
        default_headers=HEADERS,
        _strict_response_validation=True,
    ).responses


def output(codex: Any, *, streamed: bool, **request: Any) -> list[dict[str, Any]]:
    """The items of an answer, as they are sent back. Of a stream only what is done counts."""
    answer = codex.create(model=MODEL, stream=streamed, store=False, **request)
    if streamed:
        items = [event.item for event in answer if event.type == "response.output_item.done"]
    else:
        items = answer.output
    return [item.model_dump(exclude_unset=True) for item in items]


both = pytest.mark.parametrize("streamed", [True, False])


def offered(upstream: Simulator) -> dict[str, Any]:
    """The tools that the model was offered last."""
    context = asked(upstream)["userInputMessageContext"]
    return {
        tool["toolSpecification"]["name"]: tool["toolSpecification"]["inputSchema"]["json"]
        for tool in context["tools"]
    }


@both
def test_a_tool_behind_a_search_is_found_and_called(
    codex: Any, upstream: Simulator, streamed: bool
) -> None:
    query = {"query": "add a note"}
    upstream.script(
        {"text": "I look.", "tool": {"name": "tool_search", "input": query, "split": 3}},
        {"tool": {"name": "mcp__notes__add_note", "input": {"text": "milk"}}},
        {"text": "Noted."},
    )
    history: list[Any] = [{"role": "user", "content": "Note: milk."}]
    said, search = output(codex, streamed=streamed, input=history, tools=[SEARCH])
    assert said["type"] == "message"
    assert {name: search[name] for name in ("type", "execution", "arguments", "status")} == {
        "type": "tool_search_call",
        "execution": "client",
        "arguments": query,
        "status": "completed",
    }
    found = {
        "type": "tool_search_output",
        "call_id": search["call_id"],
        "status": "completed",
        "execution": "client",
        "tools": [NOTES],
    }
    history += [said, search, found]
    (call,) = output(codex, streamed=streamed, input=history, tools=[SEARCH])
    assert (call["type"], call["namespace"], call["name"]) == (
        "function_call",
        "mcp__notes",
        "add_note",
    )
    assert set(offered(upstream)) == {"tool_search", "mcp__notes__add_note"}
    (result,) = asked(upstream)["userInputMessageContext"]["toolResults"]
    assert "mcp__notes__add_note" in result["content"][0]["text"]
    assert result["toolUseId"] == search["call_id"]
    (turn,) = [t for t in state(upstream)["history"] if "assistantResponseMessage" in t]
    (use,) = turn["assistantResponseMessage"]["toolUses"]
    assert (use["name"], use["input"]) == ("tool_search", query)
    history += [call, {"type": "function_call_output", "call_id": call["call_id"], "output": "ok"}]
    (last,) = output(codex, streamed=streamed, input=history, tools=[SEARCH])
    assert last["content"][0]["text"] == "Noted."
    assert set(offered(upstream)) == {"tool_search", "mcp__notes__add_note"}


@pytest.mark.parametrize(
    ("fault", "code"),
    [("too_long", "context_length_exceeded"), ("throttled", "rate_limit_exceeded")],
)
def test_failures_that_it_acts_on_are_told_in_the_stream(
    gateway: Gateway, upstream: Simulator, fault: str, code: str
) -> None:
    """It compacts, and waits, in all versions only after these."""
    for originator in ("codex_exec", "other"):
        upstream.script(*[{"fail": fault}] * 4)
        answer = requests.post(
            f"{gateway.url}/v1/responses",
            json={"model": MODEL, "input": "hi", "stream": True},
            headers={"Authorization": f"Bearer {KEY}", "originator": originator},
            timeout=60,
        )
        upstream.reset()
        if originator == "other":
            assert answer.status_code >= 400
            assert answer.json()["error"]["code"] == code
            continue
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [
            json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: ")
        ]
        assert [event["type"] for event in events][-2:] == ["error", "response.failed"]
        assert events[-1]["response"]["error"]["code"] == code
        line = gateway.wait_for_line(answer.headers["request-id"])
        assert (line["status"], bool(line["error"])) == (200, True)
        assert not {"openai-model", "x-codex-turn-state"} & {*map(str.lower, answer.headers)}


def test_it_gets_a_status_where_it_asked_for_no_stream(codex: Any, upstream: Simulator) -> None:
    upstream.script({"fail": "too_long"})
    with pytest.raises(openai.BadRequestError):
        codex.create(model=MODEL, input="hi")


@both
def test_an_agent_is_started_and_reads_its_task(
    codex: Any, upstream: Simulator, streamed: bool
) -> None:
    task = "Count the files."
    upstream.script(
        {"tool": {"name": "collaboration__spawn_agent", "input": {"message": task}}},
        {"tool": {"name": "functions__exec", "input": {"input": "ls()"}}},
    )
    (spawn,) = output(
        codex, streamed=streamed, input=[AGENTS, {"role": "user", "content": "Delegate."}]
    )
    assert (spawn["namespace"], spawn["name"]) == ("collaboration", "spawn_agent")
    assert spawn["encrypted_function_args"] == []
    assert json.loads(spawn["arguments"]) == {"message": task}
    schema = offered(upstream)["collaboration__spawn_agent"]
    assert "encrypted" not in schema["properties"]["message"]
    message = {
        "type": "agent_message",
        "author": "main",
        "recipient": "t1",
        "content": [
            {"type": "input_text", "text": "Message Type: NEW_TASK\nPayload:\n"},
            {"type": "encrypted_content", "encrypted_content": task},
        ],
    }
    (run,) = output(codex, streamed=streamed, input=[AGENTS, message])
    assert (run["type"], run["namespace"], run["name"]) == (
        "custom_tool_call",
        "functions",
        "exec",
    )
    assert run["input"] == "ls()"
    assert task in asked(upstream)["content"]
    assert "NEW_TASK" in asked(upstream)["content"]
    assert len(chats(upstream)) == 2
