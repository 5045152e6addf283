"""Stop sequences, limits of tokens and of calls through the official SDKs, against gunicorn and the
simulated upstream, over real sockets.
"""

import json
import time
from collections.abc import Callable
from math import ceil
from typing import Any, NamedTuple

import anthropic
import openai
import pytest
import requests

from app.core.tokens.text import UNIT, estimator_of
from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.live.servers import KEY, Gateway

MODEL = "claude-sonnet-4-6"
UNBOUNDED = "claude-sonnet-4-5"  # its schema has no max_tokens
HELLO: list[Any] = [{"role": "user", "content": "Say hello."}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
streamed = pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])


class Answer(NamedTuple):
    """What every dialect says. ``calls``: the inputs of the calls that are complete."""

    text: str
    stop: str | None
    calls: list[Any]
    output_tokens: int


Ask = Callable[..., Answer]


def ask_anthropic(gateway: Gateway, *, streamed: bool, **asked: Any) -> Answer:
    client: Any = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    request = {"model": MODEL, "max_tokens": 32_000, "messages": HELLO} | asked
    if request.pop("one_call", False):
        request["tool_choice"] = {"type": "auto", "disable_parallel_tool_use": True}
    if request.pop("tools", False):
        request["tools"] = [{"name": "weather", "input_schema": SCHEMA}]
    if streamed:
        with client.messages.stream(**request) as stream:
            message = stream.get_final_message()
    else:
        message = client.messages.create(timeout=20, **request)
    text = "".join(block.text for block in message.content if block.type == "text")
    calls = [block.input for block in message.content if block.type == "tool_use"]
    told = message.stop_reason
    stop = f"{told}:{message.stop_sequence}" if told == "stop_sequence" else told
    return Answer(text, stop, calls, message.usage.output_tokens)


def ask_chat(gateway: Gateway, *, streamed: bool, **asked: Any) -> Answer:
    client: Any = openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)
    request = {"model": MODEL, "messages": HELLO} | asked
    if "stop_sequences" in request:
        request["stop"] = request.pop("stop_sequences")
    if request.pop("one_call", False):
        request["parallel_tool_calls"] = False
    if request.pop("tools", False):
        function = {"name": "weather", "parameters": SCHEMA}
        request["tools"] = [{"type": "function", "function": function}]
    if not streamed:
        completion = client.chat.completions.create(**request)
        (choice,) = completion.choices
        calls = [json.loads(call.function.arguments) for call in choice.message.tool_calls or ()]
        used = completion.usage.completion_tokens
        return Answer(choice.message.content or "", choice.finish_reason, calls, used)
    chunks = list(
        client.chat.completions.create(
            stream=True, stream_options={"include_usage": True}, **request
        )
    )
    text, written, stop = "", dict[int, str](), None
    for chunk in chunks[:-1]:
        (choice,) = chunk.choices
        text += choice.delta.content or ""
        for call in choice.delta.tool_calls or ():
            written[call.index] = written.get(call.index, "") + (call.function.arguments or "")
        stop = choice.finish_reason
    whole = [json.loads(one) for one in written.values()] if stop == "tool_calls" else []
    return Answer(text, stop, whole, chunks[-1].usage.completion_tokens)


def ask_responses(gateway: Gateway, *, streamed: bool, **asked: Any) -> Answer:
    client: Any = openai.OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)
    request = {"model": MODEL, "input": "Say hello."} | asked
    if "max_tokens" in request:
        request["max_output_tokens"] = request.pop("max_tokens")
    if request.pop("one_call", False):
        request["parallel_tool_calls"] = False
    if request.pop("tools", False):
        request["tools"] = [{"type": "function", "name": "weather", "parameters": SCHEMA}]
    if streamed:
        *_, last = client.responses.create(stream=True, **request)
        response = last.response
        assert last.type == f"response.{response.status}"
    else:
        response = client.responses.create(**request)
    calls = [item for item in response.output if item.type == "function_call"]
    whole = [json.loads(call.arguments) for call in calls if call.status == "completed"]
    reason = response.incomplete_details.reason if response.incomplete_details else None
    return Answer(response.output_text, reason, whole, response.usage.output_tokens)


dialects = pytest.mark.parametrize("ask", [ask_anthropic, ask_chat, ask_responses])


def chats(upstream: Simulator) -> list[Any]:
    return [seen for seen in upstream.requests if seen.operation == CHAT]


def outcome(upstream: Simulator) -> str:
    """How the upstream's last answer ended, which it may learn a moment later."""
    deadline = time.monotonic() + 5
    while (last := chats(upstream)[-1]).outcome == "open" and time.monotonic() < deadline:
        time.sleep(0.01)
    return str(last.outcome)


def long_after(*pieces: str) -> dict[str, Any]:
    """An answer that goes on for long after these pieces."""
    return {"text": [*pieces, *["and more "] * 200], "delay": 0.02}


@streamed
@pytest.mark.parametrize(
    ("ask", "stop"), [(ask_anthropic, "stop_sequence:wor"), (ask_chat, "stop")], ids=["a", "c"]
)
def test_a_stop_sequence_ends_the_answer(
    gateway: Gateway, upstream: Simulator, ask: Ask, stop: str, streamed: bool
) -> None:
    upstream.script(long_after("Hello, w", "o", "rld! "))
    answer = ask(gateway, streamed=streamed, stop_sequences=["never", "wor"])
    assert (answer.text, answer.stop) == ("Hello, ", stop)
    assert 0 < answer.output_tokens < 10
    assert outcome(upstream) == "client_closed"


@streamed
@pytest.mark.parametrize(("ask", "stop"), [(ask_anthropic, "end_turn"), (ask_chat, "stop")])
def test_a_sequence_that_was_only_begun_is_text(
    gateway: Gateway, upstream: Simulator, ask: Ask, stop: str, streamed: bool
) -> None:
    upstream.script({"text": ["Hello, wo", "w, wo"]})
    answer = ask(gateway, streamed=streamed, stop_sequences=["wor"])
    assert (answer.text, answer.stop) == ("Hello, wow, wo", stop)


@streamed
@dialects
def test_the_limit_of_tokens_cuts_the_answer(
    gateway: Gateway, upstream: Simulator, ask: Ask, streamed: bool
) -> None:
    upstream.script(long_after(*["世界🙂 "] * 20))
    answer = ask(gateway, streamed=streamed, model=UNBOUNDED, max_tokens=16)
    count = estimator_of(UNBOUNDED).text
    assert ("世界🙂 " * 20).startswith(answer.text)
    assert answer.text.endswith("世界")  # the face would be beyond the limit
    assert count(answer.text) <= 16 * UNIT < count(answer.text + "🙂")
    assert answer.stop in ("max_tokens", "length", "max_output_tokens")
    assert answer.output_tokens == ceil(count(answer.text) / UNIT)
    assert outcome(upstream) == "client_closed"


@streamed
@dialects
def test_a_call_that_the_limit_cuts_is_not_complete(
    gateway: Gateway, upstream: Simulator, ask: Ask, streamed: bool
) -> None:
    upstream.script({"tool": {"name": "weather", "input": {"city": "B" * 200}}})
    answer = ask(gateway, streamed=streamed, model=UNBOUNDED, max_tokens=16, tools=True)
    if ask is not ask_anthropic or not streamed:  # its SDK shows what it has of a call
        assert answer.calls == []
    assert answer.stop in ("max_tokens", "length", "max_output_tokens")


@streamed
@dialects
def test_where_the_service_keeps_the_limit_the_gateway_does_not(
    gateway: Gateway, upstream: Simulator, ask: Ask, streamed: bool
) -> None:
    upstream.script({"text": "a" * 50_000})
    answer = ask(gateway, streamed=streamed, max_tokens=9000)
    assert len(answer.text) == 50_000
    fields = chats(upstream)[-1].body["additionalModelRequestFields"]
    assert fields["max_tokens"] == 9000


@streamed
@dialects
def test_one_call_if_the_client_wants_no_more(
    gateway: Gateway, upstream: Simulator, ask: Ask, streamed: bool
) -> None:
    calls = [{"name": "weather", "input": {"city": city}} for city in ("A", "B")]
    upstream.script({"tools": calls}, {"tools": calls})
    answer = ask(gateway, streamed=streamed, tools=True, one_call=True)
    assert answer.calls == [{"city": "A"}]
    assert answer.stop in ("tool_use", "tool_calls", None)
    assert len(ask(gateway, streamed=streamed, tools=True).calls) == 2


@streamed
@pytest.mark.parametrize(
    ("members", "says", "cut_by"),
    [
        ({"stop_sequences": ["and"]}, {"text": ["this ", "and that"]}, "stop_sequence"),
        ({"max_tokens": 2}, {"text": ["this ", "and that"]}, "max_tokens"),
        ({"max_tokens": 0}, {"text": ["this"]}, "max_tokens"),
        (
            {
                "tools": [{"name": "weather", "input_schema": SCHEMA}],
                "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
            },
            {"tools": [{"name": "weather", "input": {"city": city}} for city in ("A", "B")]},
            "one_call",
        ),
        ({"stop_sequences": ["nowhere"]}, {"text": ["this ", "and that"]}, None),
    ],
)
def test_the_log_says_which_limit_has_cut_an_answer(
    gateway: Gateway,
    upstream: Simulator,
    streamed: bool,
    members: dict[str, Any],
    says: dict[str, Any],
    cut_by: str | None,
) -> None:
    upstream.script(says)
    answer = requests.post(
        f"{gateway.url}/v1/messages",
        json={"model": MODEL, "max_tokens": 99, "messages": HELLO, "stream": streamed} | members,
        headers={"x-api-key": KEY},
        timeout=20,
    )
    assert answer.status_code == 200
    line = gateway.wait_for_line(answer.headers["request-id"])
    assert line.get("cut_by") == cut_by


@streamed
def test_no_tokens_cost_no_call(gateway: Gateway, upstream: Simulator, streamed: bool) -> None:
    answer = ask_anthropic(gateway, streamed=streamed, max_tokens=0)
    assert answer == Answer("", "max_tokens", [], 0)
    assert chats(upstream) == []


@pytest.fixture
def refused(gateway: Gateway) -> Callable[..., str]:
    def post(path: str, **members: Any) -> str:
        asked = {"input": "a"} if path == "responses" else {"messages": HELLO}
        answer = requests.post(
            f"{gateway.url}/v1/{path}",
            json={"model": MODEL, **asked, **members},
            headers={"x-api-key": KEY},
            timeout=20,
        )
        assert answer.status_code == 400
        return str(answer.json()["error"]["message"])

    return post


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("messages", {"max_tokens": -1}),
        ("chat/completions", {"max_tokens": 0}),
        ("chat/completions", {"max_completion_tokens": 0}),
        ("chat/completions", {"n": 2}),
        ("chat/completions", {"best_of": 2}),
        ("responses", {"max_output_tokens": 15}),
    ],
)
def test_what_the_apis_refuse_is_refused(
    refused: Callable[..., str], path: str, members: dict[str, int]
) -> None:
    assert next(iter(members)) in refused(path, **members)
