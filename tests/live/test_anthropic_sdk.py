"""The official ``anthropic`` SDK against gunicorn and the simulated upstream, over real sockets."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic, beta_tool

from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.live.servers import KEY, Gateway

MODEL = "claude-sonnet-4-6"
HELLO = [{"role": "user", "content": "Say hello."}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


@pytest.fixture
def client(gateway: Gateway) -> Any:
    """Typed Any: answers are unions of many types, and a test that reads a member of the wrong one
    fails when it runs.
    """
    return Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)


def directive(**answer: object) -> list[dict[str, str]]:
    """A prompt that tells the simulator what to answer."""
    return [{"role": "user", "content": "!sim " + json.dumps(answer)}]


def test_message(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": ["Hel", "lo 世界 🙂"]})
    message = client.messages.create(model=MODEL, max_tokens=100, messages=HELLO)
    assert [block.type for block in message.content] == ["text"]
    assert message.content[0].text == "Hello 世界 🙂"
    assert message.id.startswith("msg_")
    assert message.model == MODEL
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0
    assert message._request_id.startswith("req_")


def test_stream_helper_gives_the_same_message(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": ["Hel", "lo", "lo", "lo"]})
    with client.messages.stream(model=MODEL, max_tokens=100, messages=HELLO) as stream:
        pieces = list(stream.text_stream)
        message = stream.get_final_message()
    assert pieces == ["Hel", "lo", "lo", "lo"]
    assert message.content[0].text == "Hellololo"
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0


def test_raw_stream_has_every_event_in_order(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": ["a", "b"]})
    events = client.messages.create(model=MODEL, max_tokens=9, messages=HELLO, stream=True)
    kinds = [event.type for event in events]
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_async(gateway: Gateway, upstream: Simulator) -> None:
    async def talk() -> tuple[str, str]:
        opened: Any = AsyncAnthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
        async with opened as client:
            message = await client.messages.create(model=MODEL, max_tokens=99, messages=HELLO)
            async with client.messages.stream(model=MODEL, max_tokens=99, messages=HELLO) as stream:
                streamed = await stream.get_final_text()
        return message.content[0].text, streamed

    upstream.script({"text": ["one"]}, {"text": ["t", "wo"]})
    assert asyncio.run(talk()) == ("one", "two")


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_call(client: Any, upstream: Simulator, streamed: bool) -> None:
    call = {"name": "get_weather", "input": {"city": "Zürich", "days": [1, 2]}}
    upstream.script({"text": ["Let me look."], "tools": [call]})
    request = {"model": MODEL, "max_tokens": 99, "messages": HELLO, "tools": [WEATHER]}
    if streamed:
        with client.messages.stream(**request) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(**request)
    assert message.stop_reason == "tool_use"
    text, tool = message.content
    assert text.text == "Let me look."
    assert (tool.type, tool.name, tool.input) == ("tool_use", "get_weather", call["input"])


def test_tool_runner_goes_round_the_loop(client: Any, upstream: Simulator) -> None:
    seen = []

    @beta_tool
    def get_weather(city: str) -> str:
        """The weather in a city.

        Args:
            city: Its name.
        """
        seen.append(city)
        return f"Sunny in {city}."

    messages = directive(
        steps=[
            {"tool": {"name": "get_weather", "input": {"city": "Bern"}}},
            {"tool": {"name": "get_weather", "input": {"city": "Basel"}}},
            {"text": "Sunny in both."},
        ]
    )
    runner = client.beta.messages.tool_runner(
        model=MODEL, max_tokens=99, messages=messages, tools=[get_weather]
    )
    final = runner.until_done()
    assert seen == ["Bern", "Basel"]
    assert final.content[0].text == "Sunny in both."


def test_thinking_comes_back_with_the_signature_it_came_with(
    client: Any, upstream: Simulator
) -> None:
    upstream.script(
        {"think": {"text": ["Let me ", "think."], "signature": "c2ln"}, "text": ["Done."]}
    )
    with client.messages.stream(model=MODEL, max_tokens=99, messages=HELLO) as stream:
        message = stream.get_final_message()
    thinking, text = message.content
    assert (thinking.type, thinking.thinking, thinking.signature) == (
        "thinking",
        "Let me think.",
        "c2ln",
    )
    assert text.text == "Done."


def test_count_tokens(client: Any) -> None:
    short = client.messages.count_tokens(model=MODEL, messages=HELLO)
    longer = client.messages.count_tokens(
        model=MODEL, messages=HELLO, system="Be brief. " * 50, tools=[WEATHER]
    )
    assert 0 < short.input_tokens < longer.input_tokens


def test_models(client: Any) -> None:
    def listed(**more: Any) -> list[str]:
        return [model.id for model in client.models.list(**more)]

    end = time.monotonic() + 30
    while (ids := listed()) != listed(limit=3):  # the account's list may just have been read
        assert time.monotonic() < end
    assert MODEL in ids
    assert len(set(ids)) == len(ids)
    assert client.models.retrieve(MODEL).display_name == "Claude Sonnet 4.6"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("too_long", anthropic.BadRequestError),
        ("improperly_formed", anthropic.BadRequestError),
        ("invalid_model", anthropic.NotFoundError),
    ],
)
def test_upstream_refusals_are_real_statuses(
    client: Any,
    upstream: Simulator,
    fault: str,
    error: type[Exception],
    streamed: bool,
) -> None:
    tries = 2 if fault == "invalid_model" else 1  # once more by the gateway itself
    upstream.script({"fail": fault, "times": tries})
    with pytest.raises(error):
        client.messages.create(model=MODEL, max_tokens=9, messages=HELLO, stream=streamed)
    assert [seen.operation for seen in upstream.requests].count(CHAT) == tries


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("monthly_quota", anthropic.RateLimitError),
        ("suspended", anthropic.PermissionDeniedError),
    ],
)
def test_an_account_that_is_out_is_not_asked_again(
    upstream: Simulator, tmp_path: Path, fault: str, error: type[Exception]
) -> None:
    upstream.script({"fail": fault})
    gateway = Gateway(upstream.url, tmp_path, WEB_CONCURRENCY="1")
    client: Any = Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    try:
        for _ in range(2):
            with pytest.raises(error):
                client.messages.create(model=MODEL, max_tokens=9, messages=HELLO)
    finally:
        gateway.stop()
    assert [seen.operation for seen in upstream.requests].count(CHAT) == 1


def test_a_wrong_key_is_refused(gateway: Gateway) -> None:
    client: Any = Anthropic(base_url=gateway.url, api_key="wrong", max_retries=0)
    with pytest.raises(anthropic.AuthenticationError) as refused:
        client.messages.create(model=MODEL, max_tokens=9, messages=HELLO)
    body: Any = refused.value.body
    assert body["error"]["type"] == "authentication_error"
    assert body["request_id"] == refused.value.request_id


def test_a_wrong_field_is_named(client: Any) -> None:
    bad = [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image"}]}]
    with pytest.raises(anthropic.BadRequestError) as refused:
        client.messages.create(model=MODEL, max_tokens=9, messages=bad)
    body: Any = refused.value.body
    assert body["error"]["message"].startswith("messages.0.content.1.source")
