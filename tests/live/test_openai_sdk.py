"""The official ``openai`` SDK's Chat Completions against gunicorn and the simulated upstream, over
real sockets.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import openai
import pytest
import requests
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from app.simulator import Simulator
from tests.live.openai_shared import MODEL, PNG, asked, chats, refusals
from tests.live.servers import KEY, Gateway

HELLO = [{"role": "user", "content": "Say hello."}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
TOOLS = [{"type": "function", "function": WEATHER}]


@pytest.fixture
def client(gateway: Gateway) -> Any:
    """Typed Any: answers are unions of many types, and a test that reads a member of the wrong one
    fails when it runs.
    """
    return OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)


def test_completion(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": ["Hel", "lo 世界 🙂"]})
    completion = client.chat.completions.create(model=MODEL, messages=HELLO)
    (choice,) = completion.choices
    assert choice.message.content == "Hello 世界 🙂"
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "stop"
    assert completion.id.startswith("chatcmpl-")
    assert completion.model == MODEL
    assert completion.created > 1_700_000_000
    assert completion.usage.prompt_tokens > 0
    assert completion.usage.completion_tokens > 0
    assert completion._request_id.startswith("req_")


def test_the_upstreams_figures_are_told(client: Any, upstream: Simulator) -> None:
    usage = {
        "uncachedInputTokens": 100,
        "outputTokens": 20,
        "totalTokens": 154,
        "cacheReadInputTokens": 30,
        "cacheWriteInputTokens": 4,
    }
    upstream.script({"text": "a", "usage": usage})
    told = client.chat.completions.create(model=MODEL, messages=HELLO).usage
    assert (told.prompt_tokens, told.completion_tokens, told.total_tokens) == (134, 20, 154)
    assert told.prompt_tokens_details.cached_tokens == 30
    assert told.prompt_tokens_details.cache_write_tokens == 4


def test_raw_stream_has_every_chunk_in_order(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": ["a", "b", "b"]})
    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )
    deltas = [chunk.choices[0].delta for chunk in chunks[:-1]]
    assert [delta.content for delta in deltas] == ["", "a", "b", "b", None]
    assert [delta.role for delta in deltas] == ["assistant", None, None, None, None]
    reasons = [chunk.choices[0].finish_reason for chunk in chunks[:-1]]
    assert reasons == [None, None, None, None, "stop"]
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * 5
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens > 0
    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1


def test_no_usage_chunk_unless_it_is_asked_for(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": "a"})
    chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))
    assert [len(chunk.choices) for chunk in chunks] == [1, 1, 1]
    assert not any("usage" in chunk.model_fields_set for chunk in chunks)


def test_stream_helper(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": ["Hel", "lo", "lo"]})
    with client.chat.completions.stream(model=MODEL, messages=HELLO) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta"]
        completion = stream.get_final_completion()
    assert [piece for piece in pieces if piece] == ["Hel", "lo", "lo"]
    assert completion.choices[0].message.content == "Hellolo"


def test_async(gateway: Gateway, upstream: Simulator) -> None:
    async def talk() -> tuple[str, str, str]:
        opened: Any = AsyncOpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=0)
        async with opened as client:
            whole = await client.chat.completions.create(model=MODEL, messages=HELLO)
            chunks = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in chunks]
            async with client.chat.completions.stream(model=MODEL, messages=HELLO) as stream:
                final = await stream.get_final_completion()
        return whole.choices[0].message.content, "".join(pieces), final.choices[0].message.content

    upstream.script({"text": ["one"]}, {"text": ["t", "wo"]}, {"text": ["thr", "ee"]})
    assert asyncio.run(talk()) == ("one", "two", "three")


def answered(client: Any, *, streamed: bool, **request: Any) -> Any:
    """The choice that the client ends up with, streamed or not."""
    if not streamed:
        return client.chat.completions.create(model=MODEL, **request).choices[0]
    with client.chat.completions.stream(model=MODEL, **request) as stream:
        return stream.until_done().current_completion_snapshot.choices[0]


@pytest.mark.parametrize("streamed", [False, True])
def test_tool_calls(client: Any, upstream: Simulator, streamed: bool) -> None:
    calls = [
        {"name": "get_weather", "input": {"city": "Zürich", "days": [1, 2]}},
        {"name": "get_weather", "input": {"city": "Bern"}},
    ]
    upstream.script({"text": ["Let me look."], "tools": calls})
    choice = answered(client, streamed=streamed, messages=HELLO, tools=TOOLS)
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "Let me look."
    first, second = choice.message.tool_calls
    assert (first.type, first.function.name) == ("function", "get_weather")
    assert json.loads(first.function.arguments) == calls[0]["input"]
    assert json.loads(second.function.arguments) == calls[1]["input"]
    assert first.id != second.id


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_loop(client: Any, upstream: Simulator, streamed: bool) -> None:
    """As an agent does it: call by call, the whole conversation sent again each time."""
    steps = [
        {
            "text": "Both at once.",
            "tools": [
                {"name": "get_weather", "input": {"city": "Bern"}},
                {"name": "get_weather", "input": {"city": "Basel"}},
            ],
        },
        {"tool": {"name": "get_weather", "input": {"city": "Chur"}}},
        {"text": "Sunny everywhere."},
    ]
    messages: list[Any] = [
        {"role": "system", "content": "You know the weather."},
        {"role": "user", "content": "!sim " + json.dumps({"steps": steps})},
    ]
    cities = []
    while True:
        choice = answered(client, streamed=streamed, messages=messages, tools=TOOLS)
        if choice.finish_reason != "tool_calls":
            break
        messages.append(choice.message.model_dump(exclude_none=True, exclude={"parsed"}))
        for call in choice.message.tool_calls:
            cities.append(json.loads(call.function.arguments)["city"])
            result = f"Sunny in {cities[-1]}."
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    assert cities == ["Bern", "Basel", "Chur"]
    assert choice.message.content == "Sunny everywhere."
    assert len(chats(upstream)) == 3
    (result,) = asked(upstream)["userInputMessageContext"]["toolResults"]
    assert result["content"] == [{"text": "Sunny in Chur."}]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_call_that_was_cut_off_is_none_to_be_run(
    client: Any, upstream: Simulator, streamed: bool
) -> None:
    cut = {"name": "get_weather", "fragments": ['{"city": "Be'], "stop": False}
    upstream.script({"text": "Let me look.", "tool": cut})
    choice = answered(client, streamed=streamed, messages=HELLO, tools=TOOLS)
    assert choice.finish_reason == "length"


@pytest.mark.parametrize("streamed", [False, True])
def test_legacy_functions(client: Any, upstream: Simulator, streamed: bool) -> None:
    steps = [
        {"tool": {"name": "get_weather", "input": {"city": "Bern"}}},
        {"text": "Sunny."},
    ]
    messages: list[Any] = [{"role": "user", "content": "!sim " + json.dumps({"steps": steps})}]
    choice = answered(client, streamed=streamed, messages=messages, functions=[WEATHER])
    assert choice.finish_reason == "function_call"
    call = choice.message.function_call
    assert (call.name, json.loads(call.arguments)) == ("get_weather", {"city": "Bern"})
    messages += [
        {
            "role": "assistant",
            "content": None,
            "function_call": {"name": call.name, "arguments": call.arguments},
        },
        {"role": "function", "name": call.name, "content": "Sunny."},
    ]
    choice = answered(client, streamed=streamed, messages=messages, functions=[WEATHER])
    assert (choice.finish_reason, choice.message.content) == ("stop", "Sunny.")
    assert len(chats(upstream)) == 2


@pytest.mark.parametrize("streamed", [False, True])
def test_thinking_is_reasoning_content(client: Any, upstream: Simulator, streamed: bool) -> None:
    thinking = {"text": ["Let me ", "think."], "signature": "c2ln"}
    upstream.script({"think": thinking, "text": ["Done."]})
    message = answered(client, streamed=streamed, messages=HELLO).message
    assert message.reasoning_content == "Let me think."
    assert message.content == "Done."


class Person(BaseModel):
    name: str
    age: int


def test_parse_helper(client: Any, upstream: Simulator) -> None:
    person = Person(name="Ann", age=30)
    upstream.script({"tool": {"name": "final_answer", "input": person.model_dump()}})
    completion = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=Person)
    assert completion.choices[0].message.parsed == person
    (tool,) = asked(upstream)["userInputMessageContext"]["tools"]
    assert '"age"' in json.dumps(tool["toolSpecification"]["inputSchema"])


def test_an_image_reaches_the_model(client: Any, upstream: Simulator) -> None:
    image = {"type": "image_url", "image_url": {"url": PNG}}
    content = [{"type": "text", "text": "What is this?"}, image]
    client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": content}])
    (sent,) = asked(upstream)["images"]
    assert (sent["format"], sent["source"]["bytes"]) == ("png", PNG.partition(",")[2])


def test_what_was_ignored_is_listed(client: Any, upstream: Simulator) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL, messages=HELLO, seed=1, user="u", max_completion_tokens=9
    )
    assert raw.headers["x-kiro-ignored"] == "user,seed"


@pytest.mark.parametrize("model", ["gpt-5", "o4-mini", "claude-opus-5-5", "no such model"])
def test_a_model_of_any_name_is_answered_under_that_name(
    client: Any, upstream: Simulator, model: str
) -> None:
    assert client.chat.completions.create(model=model, messages=HELLO).model == model


def test_models(client: Any) -> None:
    listed = list(client.models.list())
    ids = [model.id for model in listed]
    assert MODEL in ids
    assert len(set(ids)) == len(ids)
    assert {model.object for model in listed} == {"model"}
    one = client.models.retrieve(MODEL)
    assert (one.id, one.owned_by) == (MODEL, "kiro")


def test_a_model_that_is_none(client: Any) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("none")
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize("streamed", [False, True])
@refusals
def test_upstream_refusals_are_real_statuses(
    gateway: Gateway,
    upstream: Simulator,
    fault: str,
    error: type[openai.APIStatusError],
    code: str | None,
    streamed: bool,
) -> None:
    """And are not tried again by the client."""
    client: Any = OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=2)
    tries = 2 if fault == "invalid_model" else 1  # once more by the gateway itself
    upstream.script({"fail": fault, "times": tries})
    with pytest.raises(error) as refused:
        client.chat.completions.create(model=MODEL, messages=HELLO, stream=streamed)
    assert refused.value.code == code
    assert len(chats(upstream)) == tries


def test_a_quota_that_is_used_up_is_not_asked_for_again(
    upstream: Simulator, tmp_path: Path
) -> None:
    gateway = Gateway(upstream.url, tmp_path, WEB_CONCURRENCY="1")
    client: Any = OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=2)
    upstream.script({"fail": "monthly_quota"})
    try:
        with pytest.raises(openai.RateLimitError) as refused:
            client.chat.completions.create(model=MODEL, messages=HELLO)
    finally:
        gateway.stop()
    assert refused.value.code == "insufficient_quota"
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert len(chats(upstream)) == 1


def test_the_sdk_tries_again_what_the_upstream_had_no_capacity_for(
    gateway: Gateway, upstream: Simulator
) -> None:
    client: Any = OpenAI(base_url=gateway.url + "/v1", api_key=KEY, max_retries=1)
    upstream.script({"fail": "insufficient_capacity", "times": 1}, {"text": "At last."})
    completion = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert completion.choices[0].message.content == "At last."
    assert len(chats(upstream)) == 2


def test_a_stream_that_breaks_is_an_error_and_no_end(client: Any, upstream: Simulator) -> None:
    upstream.script({"text": ["a", "b", "c"], "cut": {"after": 2, "how": "fin"}})
    stream = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    seen = []

    def read() -> None:
        for chunk in stream:
            seen.append(chunk.choices[0])

    with pytest.raises(openai.APIError) as broken:
        read()
    assert broken.value.code == "server_error"
    assert seen[1].delta.content == "a"
    assert {choice.finish_reason for choice in seen} == {None}


def test_a_wrong_key_is_refused(gateway: Gateway) -> None:
    client: Any = OpenAI(base_url=gateway.url + "/v1", api_key="wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as refused:
        client.chat.completions.create(model=MODEL, messages=HELLO)
    assert refused.value.code == "invalid_api_key"
    assert (refused.value.request_id or "").startswith("req_")


def test_a_wrong_field_is_named(client: Any) -> None:
    bad = [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image_url"}]}]
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=bad)
    assert refused.value.param == "messages[0].content[1].image_url"
    body: Any = refused.value.body
    assert body["message"] == f"{refused.value.param}: Field required"


def test_what_is_not_here_says_so(client: Any) -> None:
    with pytest.raises(openai.NotFoundError, match="Use POST /v1/chat/completions"):
        client.completions.create(model=MODEL, prompt="hi")
    with pytest.raises(openai.NotFoundError, match="no embedding models"):
        client.embeddings.create(model=MODEL, input="hi")


ANTHROPICS = {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "members"),
    [
        ("GET", "/v1/chat/completions", {}, 405, {"error"}),
        ("POST", "/chat/completions", {}, 400, {"error"}),
        ("POST", "/v1/chat/none", {}, 404, {"error"}),
        ("POST", "/v1/embeddings", ANTHROPICS, 404, {"error"}),
        ("GET", "/v1/models/none", {}, 404, {"error"}),
        ("GET", "/v1/models/none", ANTHROPICS, 404, {"type", "error", "request_id"}),
        ("POST", "/v1/messages", {}, 400, {"type", "error", "request_id"}),
        ("GET", "/none", {}, 404, {"type", "error", "request_id"}),
    ],
)
def test_a_failure_is_told_in_the_shape_of_the_dialect_spoken_to(
    gateway: Gateway,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    members: set[str],
) -> None:
    key = {"Authorization": f"Bearer {KEY}"}
    answer = requests.request(method, gateway.url + path, headers=headers | key, timeout=20)
    assert answer.status_code == status
    assert answer.json().keys() == members
