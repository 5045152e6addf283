"""What is written is of the types that describe it, to the last member."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.application import DIALECTS
from app.common.errors import GatewayError, Kind
from app.dialects import openai
from app.dialects.anthropic import reply as messages
from app.dialects.anthropic import shapes as messages_shapes
from app.dialects.anthropic.stream import StreamEncoder as MessagesEncoder
from app.dialects.openai_chat import reply as chat
from app.dialects.openai_chat import shapes as chat_shapes
from app.dialects.openai_chat.stream import StreamEncoder as ChatEncoder
from app.dialects.openai_responses import reply as responses
from app.dialects.openai_responses import shapes as responses_shapes
from app.dialects.openai_responses.parse import parse_responses
from app.dialects.openai_responses.stream import StreamEncoder as ResponsesEncoder
from app.dialects.wire import one_line
from tests.core.folding import fold
from tests.dialects.answers import answers
from tests.dialects.doubles import FixedMeter

BODY = b"""{"input": "hi", "include": ["reasoning.encrypted_content"],
    "reasoning": {"summary": "auto"}, "tools": [
    {"type": "custom", "name": "patch"},
    {"type": "namespace", "name": "ns", "tools": [{"type": "function", "name": "g"}]}]}"""
MESSAGES = messages.ReplyContext("msg_1", "m")
CHAT = chat.ReplyContext("chatcmpl-1", 1, "m", include_usage=True)
LEGACY = chat.ReplyContext("chatcmpl-1", 1, "m", legacy=True)
RESPONSES = responses.ReplyContext("7", parse_responses(BODY, {}, "m").options, 1, lambda: 2.0)
CASES = {
    "Messages": (
        lambda: MessagesEncoder(MESSAGES, FixedMeter()),
        messages_shapes.Event,
        lambda reply: messages.whole(MESSAGES, reply, FixedMeter()),
        messages_shapes.Message,
    ),
    "Chat Completions": (
        lambda: ChatEncoder(CHAT, FixedMeter()),
        chat_shapes.Chunk,
        lambda reply: chat.whole(CHAT, reply, FixedMeter()),
        chat_shapes.Completion,
    ),
    "Chat Completions, legacy": (
        lambda: ChatEncoder(LEGACY, FixedMeter()),
        chat_shapes.Chunk,
        lambda reply: chat.whole(LEGACY, reply, FixedMeter()),
        chat_shapes.Completion,
    ),
    "Responses": (
        lambda: ResponsesEncoder(RESPONSES, FixedMeter()),
        responses_shapes.Event,
        lambda reply: responses.whole(RESPONSES, reply, FixedMeter()),
        responses_shapes.Response,
    ),
}
every_case = pytest.mark.parametrize(
    ("encoder", "event", "whole", "answer"), CASES.values(), ids=CASES
)


def test_no_dialect_is_missing() -> None:
    assert {type(make()) for make, *_ in CASES.values()} == {each.encoder for each in DIALECTS}
    assert ERRORS.keys() <= CASES.keys()


def payloads(stream: bytes) -> list[bytes]:
    lines = [line for line in stream.splitlines() if line.startswith(b"data: {")]
    return [line.removeprefix(b"data: ") for line in lines]


@every_case
@settings(deadline=None)
@given(events=answers(st.sampled_from(["f", "ns__g", "patch"])), begun=st.booleans())
def test_answers(
    encoder: Callable[[], Any],
    event: Any,
    whole: Callable[[Any], bytes],
    answer: Any,
    events: Any,
    begun: bool,
) -> None:
    stream = encoder()
    written = (stream.ping() if begun else b"") + stream.feed(events)
    for payload in payloads(written):
        assert one_line(msgspec.json.encode(msgspec.json.decode(payload, type=event))) == payload
    body = whole(fold(events))
    assert msgspec.json.encode(msgspec.json.decode(body, type=answer)) == body


ERRORS = {
    "Messages": messages_shapes.Event,
    "Chat Completions": openai.OpenAIError,
    "Responses": responses_shapes.Event,
}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("name", "event"), ERRORS.items())
def test_errors(name: str, event: Any, kind: Kind) -> None:
    stream = CASES[name][0]()
    error = GatewayError(kind, "What happened.", code="thread_unsupported_request")
    for payload in payloads(stream.error(error, "req_1")):
        assert msgspec.json.encode(msgspec.json.decode(payload, type=event)) == payload
