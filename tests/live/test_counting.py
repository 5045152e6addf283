"""Counts of tokens through a real server, and what the next turn of a conversation is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
import requests

from app.simulator import Simulator
from tests.live.servers import KEY, Gateway

CORPUS = Path(__file__).parents[1] / "corpus"
CASES = sorted([*CORPUS.glob("client-requests/*.json"), *CORPUS.glob("client-requests-2026-*/*")])
CLAUDE = "claude-haiku-4-5"


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One worker, since each remembers its own turns."""
    running = Gateway(simulator.url, tmp_path_factory.mktemp("gateway"), WEB_CONCURRENCY="1")
    yield running
    running.stop()


def is_of_assistant(item: dict[str, Any]) -> bool:
    answers = ("reasoning", "function_call", "custom_tool_call", "local_shell_call")
    return item.get("role") == "assistant" or item.get("type") in answers


def conversations() -> Iterator[Any]:
    """Captured requests that have several turns."""
    for path in CASES:
        recorded = json.loads(path.read_text()) if path.suffix == ".json" else {"body": None}
        body = recorded["body"]
        name = "messages" if "messages" in (body or {}) else "input"
        items = body.get(name) if isinstance(body, dict) else None
        if isinstance(items, list) and any(is_of_assistant(item) for item in items[1:]):
            yield pytest.param(recorded, name, id=path.stem)


def turns(body: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """The request as it was at each turn of the user."""
    items = body[name]
    for end in range(1, len(items)):
        if is_of_assistant(items[end]) and not is_of_assistant(items[end - 1]):
            yield body | {name: items[:end]}
    if not is_of_assistant(items[-1]):
        yield body


def told(usage: dict[str, Any]) -> int:
    """All of the input that a usage has, in any dialect."""
    if "prompt_tokens" in usage:
        return int(usage["prompt_tokens"])
    cached = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
    return int(usage["input_tokens"] + cached)


@pytest.mark.parametrize(("recorded", "name"), list(conversations()))
def test_the_input_of_a_clients_conversation_never_falls(
    recorded: dict[str, Any], name: str, gateway: Gateway, upstream: Simulator
) -> None:
    headers = {**dict(recorded["headers"]), "Authorization": f"Bearer {KEY}"}
    inputs = []
    for body in turns(recorded["body"] | {"stream": False}, name):
        body.pop("stream_options", None)
        answer = requests.post(
            gateway.url + recorded["path"], json=body, headers=headers, timeout=20
        )
        assert answer.status_code == 200, answer.text
        inputs.append(told(answer.json()["usage"]))
    assert inputs == sorted(inputs)
    assert inputs[0] > 0


def test_a_stream_begins_with_the_upstreams_figure_of_the_turn_before(
    gateway: Gateway, upstream: Simulator
) -> None:
    client: Any = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    first = [{"role": "user", "content": "What does this program do?"}]

    def ask(messages: list[Any]) -> tuple[int, Any]:
        with client.messages.stream(model=CLAUDE, max_tokens=500, messages=messages) as stream:
            events = [event for event in stream if event.type == "message_start"]
            return events[0].message.usage.input_tokens, stream.get_final_message()

    upstream.script({"text": "It sorts.", "context_usage": 10.0})
    estimated, message = ask(first)
    assert estimated < 100
    assert message.usage.input_tokens == 20_000 - message.usage.output_tokens
    answer = {"role": "assistant", "content": "It sorts."}
    more = [*first, answer, {"role": "user", "content": "Why?"}]
    counted = client.messages.count_tokens(model=CLAUDE, messages=more).input_tokens
    upstream.script({"text": "For order.", "context_usage": 10.01})
    started, message = ask(more)
    assert 20_000 <= started == counted < 20_020
    assert message.usage.input_tokens == 20_020 - message.usage.output_tokens


def test_models_of_another_family_count_in_another_way(gateway: Gateway) -> None:
    client: Any = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    prompt = [{"role": "user", "content": "Please sort the list of all names. " * 200}]
    counted = {
        model: client.messages.count_tokens(model=model, messages=prompt).input_tokens
        for model in ("claude-sonnet-4-5", "claude-opus-4-8", "gpt-5.6-sol")
    }
    assert counted["gpt-5.6-sol"] < counted["claude-sonnet-4-5"] < counted["claude-opus-4-8"]
    sdk: Any = openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)
    same = sdk.responses.input_tokens.count(
        model="gpt-5.6-sol", input=prompt[0]["content"]
    ).input_tokens
    assert same == counted["gpt-5.6-sol"]


PERSON = {
    "type": "object",
    "properties": {
        f"member {number}": {"type": "string", "description": "What is known of it."}
        for number in range(30)
    },
}


@pytest.mark.parametrize(
    "members",
    [
        {"output_config": {"format": {"type": "json_schema", "schema": PERSON}}},
        {"tools": [{"name": "f", "input_schema": PERSON}], "tool_choice": {"type": "none"}},
        {"tools": [{"name": "f", "input_schema": PERSON}]},
    ],
    ids=["schema of the answer", "tools that may not be called", "tools"],
)
def test_what_is_sent_is_counted(gateway: Gateway, upstream: Simulator, members: Any) -> None:
    """Each with a prompt of its own, since figures of earlier turns correct the estimate."""
    client: Any = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    prompt = [{"role": "user", "content": f"Who is Ada? {sorted(members)} {len(str(members))}"}]
    asked = {"model": CLAUDE, "messages": prompt, **members}
    counted = client.messages.count_tokens(**asked).input_tokens
    plain = client.messages.count_tokens(model=CLAUDE, messages=prompt).input_tokens
    upstream.script({"text": "{}"})
    with client.messages.stream(max_tokens=500, **asked) as stream:
        started = next(event for event in stream if event.type == "message_start")
    assert counted == started.message.usage.input_tokens
    if "tool_choice" in members:
        assert counted == plain
    else:
        assert counted > plain + 300
