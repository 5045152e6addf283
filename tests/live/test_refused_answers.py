"""What the official SDKs read of an answer that is refused, and of one that another model gives
instead, over real sockets.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from anthropic import Anthropic
from openai import OpenAI

from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from tests.live.servers import KEY, Gateway

ASKED, INSTEAD = "claude-sonnet-5-5", "claude-sonnet-5"
WHY = "It asks for the model's own reasoning."
HELLO: Any = [{"role": "user", "content": "Think aloud."}]


def refusal() -> dict[str, Any]:
    """An answer that the service declines, as it does: without content, and without credits."""
    said = {"category": "REASONING_EXTRACTION", "explanation": WHY}
    payload = {"stopReason": "CONTENT_FILTERED", "stopDetails": {"refusal": said}}
    return {"say": [{"event": {"type": "metadataEvent", "payload": payload}}], "bare": True}


@pytest.fixture(scope="module")
def falling_back(
    simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    running = Gateway(simulator.url, tmp_path_factory.mktemp("fallback"), KIRO_REFUSAL_FALLBACK="1")
    yield running
    running.stop()


def messages(gateway: Gateway) -> Any:
    return Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0).messages


def openai(gateway: Gateway) -> Any:
    return OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0)


def test_messages_say_why(gateway: Gateway, upstream: Simulator) -> None:
    """docs/upstream.md: A refused answer"""
    upstream.script(refusal(), refusal())
    request = {"model": ASKED, "max_tokens": 100, "messages": HELLO}
    whole = messages(gateway).create(**request)
    with messages(gateway).stream(**request) as stream:
        streamed = stream.get_final_message()
    for message in (whole, streamed):
        assert (message.content, message.stop_reason) == ([], "refusal")
        details = message.stop_details
        assert (details.category, details.explanation) == ("reasoning_extraction", WHY)


def test_completions_say_why(gateway: Gateway, upstream: Simulator) -> None:
    """docs/upstream.md: A refused answer"""
    upstream.script(refusal(), refusal())
    completions = openai(gateway).chat.completions
    whole = completions.create(model=ASKED, messages=HELLO)
    [choice] = whole.choices
    assert (choice.finish_reason, choice.message.refusal) == ("content_filter", WHY)
    streamed = completions.create(model=ASKED, messages=HELLO, stream=True)
    chunks = [chunk.choices[0] for chunk in streamed]
    assert "".join(choice.delta.refusal or "" for choice in chunks) == WHY
    assert chunks[-1].finish_reason == "content_filter"


def test_responses_say_why(gateway: Gateway, upstream: Simulator) -> None:
    """docs/upstream.md: A refused answer"""
    upstream.script(refusal(), refusal())
    responses = openai(gateway).responses
    whole = responses.create(model=ASKED, input="Think aloud.")
    with responses.stream(model=ASKED, input="Think aloud.") as stream:
        streamed = list(stream)[-1].response
    for response in (whole, streamed):
        assert (response.status, response.output_text) == ("incomplete", "")
        assert response.incomplete_details.reason == "content_filter"
        (message,) = response.output
        assert [(part.type, part.refusal) for part in message.content] == [("refusal", WHY)]


@pytest.mark.parametrize("streamed", [True, False])
def test_codex_is_told_why_by_a_text(gateway: Gateway, upstream: Simulator, streamed: bool) -> None:
    """docs/upstream.md: A refused answer"""
    upstream.script(refusal())
    responses = OpenAI(
        base_url=f"{gateway.url}/v1",
        api_key=KEY,
        max_retries=0,
        default_headers={"originator": "codex_exec"},
    ).responses
    raw = responses.with_raw_response.create(model=ASKED, input="Think aloud.", stream=streamed)
    answer: Any = raw.parse()
    response = list(answer)[-1].response if streamed else answer
    assert (response.status, response.output_text) == ("completed", WHY)
    assert "openai-model" not in raw.headers


@pytest.mark.parametrize("streamed", [True, False])
def test_another_model_answers(falling_back: Gateway, upstream: Simulator, streamed: bool) -> None:
    """docs/upstream.md: The model to ask after a refusal"""
    upstream.script(refusal(), {"text": "Gladly."})
    request = {"model": ASKED, "max_tokens": 100, "messages": HELLO}
    with messages(falling_back).with_streaming_response.create(**request, stream=streamed) as got:
        assert unquote(got.headers["x-kiro-repairs"]) == f"refusal_fallback:{INSTEAD}"
        assert "Gladly." in got.read().decode()
    asked = [
        seen.body["conversationState"]["currentMessage"]["userInputMessage"]["modelId"]
        for seen in upstream.requests
        if seen.operation == CHAT
    ]
    assert asked == ["claude-sonnet-5.5", "claude-sonnet-5"]
