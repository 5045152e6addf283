"""A plain loop over a stream of an official SDK raises when the answer breaks off in the middle."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest

from app.simulator import Simulator
from tests.live.openai_shared import MODEL
from tests.live.servers import KEY, Gateway

HELLO: Any = [{"role": "user", "content": "hi"}]


def of_responses(url: str) -> Iterator[str]:
    client = openai.OpenAI(base_url=url + "/v1", api_key=KEY, max_retries=0)
    for event in client.responses.create(model=MODEL, input="hi", stream=True):
        if event.type == "response.output_text.delta":
            yield event.delta


def of_the_responses_helper(url: str) -> Iterator[str]:
    client = openai.OpenAI(base_url=url + "/v1", api_key=KEY, max_retries=0)
    with client.responses.stream(model=MODEL, input="hi") as stream:
        for event in stream:
            if event.type == "response.output_text.delta":
                yield event.delta


def of_chat(url: str) -> Iterator[str]:
    client = openai.OpenAI(base_url=url + "/v1", api_key=KEY, max_retries=0)
    for chunk in client.chat.completions.create(model=MODEL, messages=HELLO, stream=True):
        for choice in chunk.choices:
            yield choice.delta.content or ""


def of_messages(url: str) -> Iterator[str]:
    client = anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0)
    for event in client.messages.create(model=MODEL, messages=HELLO, max_tokens=99, stream=True):
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            yield event.delta.text


def of_the_messages_helper(url: str) -> Iterator[str]:
    client = anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0)
    with client.messages.stream(model=MODEL, messages=HELLO, max_tokens=99) as stream:
        yield from stream.text_stream


def of_beta_messages(url: str) -> Iterator[str]:
    client = anthropic.Anthropic(base_url=url, api_key=KEY, max_retries=0)
    body: Any = {"model": MODEL, "messages": HELLO, "max_tokens": 99, "stream": True}
    for event in client.beta.messages.create(**body):
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            yield event.delta.text


def of_asynchronous_messages(url: str) -> Iterator[str]:
    printed: list[str] = []

    async def loop() -> None:
        client = anthropic.AsyncAnthropic(base_url=url, api_key=KEY, max_retries=0)
        body: Any = {"model": MODEL, "messages": HELLO, "max_tokens": 99, "stream": True}
        async for event in await client.messages.create(**body):
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                printed.append(event.delta.text)

    try:
        asyncio.run(loop())
    finally:
        yield from printed


LOOPS = [
    of_responses,
    of_the_responses_helper,
    of_chat,
    of_messages,
    of_the_messages_helper,
    of_beta_messages,
    of_asynchronous_messages,
]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"text": ["a", "b"], "cut": {"after": 2}}, "broke off"),
        ({"say": [{"text": ["a", "b"]}, {"exception": "throttled"}]}, "."),
    ],
    ids=["cut", "throttled"],
)
@pytest.mark.parametrize("loop", LOOPS)
def test_a_plain_loop_raises(
    gateway: Gateway,
    upstream: Simulator,
    loop: Callable[[str], Iterator[str]],
    answer: dict[str, Any],
    words: str,
) -> None:
    upstream.script(answer)
    pieces = loop(gateway.url)
    assert next(piece for piece in pieces if piece) == "a"
    with pytest.raises((openai.APIError, anthropic.APIError), match=words):
        list(pieces)
