"""The fuzz targets. Each accepts any bytes; an exception from it is a defect.

Besides crashes, defects are: answers that a dialect cannot encode, requests that the upstream would
refuse, and results that depend on how the bytes were cut.
"""

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

import msgspec
from werkzeug.datastructures import Headers

from app.codewhisperer.answer.batches import event_batches
from app.codewhisperer.answer.decoder import EventDecoder
from app.codewhisperer.request.render import render
from app.codewhisperer.service.hosts import candidates
from app.common.errors import GatewayError, Kind
from app.core.conversation import Conversation
from app.core.events import Event, Finish, TextDelta, ThinkingDelta, ToolEnd, ToolInput, ToolStart
from app.core.tokens import estimate_conversation
from app.core.usage import Meter
from app.dialects import openai
from app.dialects.anthropic import errors as anthropic_errors
from app.dialects.anthropic import parse as anthropic
from app.dialects.anthropic import reply as anthropic_reply
from app.dialects.anthropic import stream as anthropic_stream
from app.dialects.openai_chat import parse as chat
from app.dialects.openai_chat import reply as chat_reply
from app.dialects.openai_chat import stream as chat_stream
from app.dialects.openai_responses import parse as responses
from app.dialects.openai_responses import reply as responses_reply
from app.dialects.openai_responses import stream as responses_stream
from app.eventstream.frames import FrameDecoder, FrameError
from app.models.names import resolve
from app.models.table import context_window
from app.simulator.checks.validate import violations
from app.simulator.wire import frames as wire
from tests.core.folding import fold

Parsed = TypeVar("Parsed")

DATA = Path(__file__).parent.parent / "tests"
DEFAULT = "claude-sonnet-4-5"
HOSTS = candidates("us-east-1", None)
REFUSALS = {Kind.INVALID_REQUEST, Kind.UNSUPPORTED_THREAD}


class Target(NamedTuple):
    """``run`` accepts any bytes. ``seeds`` are valid inputs. ``is_json``: the inputs are JSON."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    is_json: bool = False


# The frame parser


def frames(data: bytes) -> None:
    """The frames of a stream do not depend on how it is cut; invalid streams raise known errors.

    The bytes are decoded as they are, and as headers and payload of a message with correct
    checksums, which a fuzzer would not find.
    """
    step = data[0] % 32 + 1 if data else 1
    for stream in (data, _with_checksums(data[2:], data[1] if data[1:] else 0)):
        whole = _decoded([stream])
        assert _decoded(stream[at : at + step] for at in range(0, len(stream), step)) == whole


def _with_checksums(inside: bytes, headers_length: int) -> bytes:
    prelude = struct.pack(">II", len(inside) + 16, min(headers_length, len(inside)))
    message = prelude + crc32(prelude).to_bytes(4, "big") + inside
    return message + crc32(message).to_bytes(4, "big")


def _decoded(pieces: Iterable[bytes]) -> tuple[list[Any], str]:
    decoder, found = FrameDecoder(), []
    try:
        for piece in pieces:
            found += decoder.feed(piece)
        decoder.eof()
    except FrameError as error:
        return [*found, *error.frames], str(error)
    return found, ""


def _vectors() -> Iterator[bytes]:
    for path in sorted((DATA / "vectors").rglob("*")):
        if path.is_file() and path.suffix in ("", ".bin"):
            yield path.read_bytes()
    for kind in range(10):
        yield bytes([7, 5, 1, 97, kind, 0, 1, 98]) + bytes(16)


# The content of valid frames

_NAMES = (
    "assistantResponseEvent", "reasoningContentEvent", "toolUseEvent", "meteringEvent",
    "contextUsageEvent", "metadataEvent", "invalidStateEvent", "citationEvent", "codeEvent",
)  # fmt: skip
_RECORD = struct.Struct(">BH")


class _FakeBody:
    """An HTTP body that arrives in ``pieces``, and whose end proves completeness if
    ``complete``."""

    def __init__(self, pieces: list[bytes], complete: bool) -> None:
        self._pieces = pieces
        self._proved = complete
        self.complete = complete and not pieces

    def __iter__(self) -> Iterator[bytes]:
        for left, piece in zip(range(len(self._pieces) - 1, -1, -1), self._pieces, strict=True):
            self.complete = self._proved and not left
            yield piece

    def end_when_quiet(self, silence: float) -> None:
        """These pieces come without a pause."""


def answers(data: bytes) -> None:
    """Valid frames give an answer that every dialect can encode, or a known failure, never both.

    The first byte of ``data`` says whether HTTP proves the body complete. Records follow: one byte
    for the kind of frame, two for the length of the payload, and the payload.
    """
    all_frames = list(_frames(data[1:]))
    complete = bool(data[:1] and data[0] % 2)
    together = _decode_events([b"".join(all_frames)] if all_frames else [], complete)
    events, failed = _decode_events(all_frames, complete)
    assert (events, failed) == together
    assert failed != any(isinstance(event, Finish) for event in events)
    _encode_in_all_dialects(events)
    if not failed:
        fold(events)


def _frames(data: bytes) -> Iterator[bytes]:
    while len(data) >= _RECORD.size:
        kind, length = _RECORD.unpack_from(data)
        payload, data = data[_RECORD.size :][:length], data[_RECORD.size + length :]
        index = kind % (len(_NAMES) + 2)
        if index < len(_NAMES):
            yield wire.encode({":message-type": "event", ":event-type": _NAMES[index]}, payload)
        elif index == len(_NAMES):
            name = "ThrottlingException" if kind % 2 else "ContentLengthExceededException"
            yield wire.encode({":message-type": "exception", ":exception-type": name}, payload)
        else:
            yield wire.encode({":message-type": "error", ":error-code": "InternalFailure"})


def _decode_events(pieces: list[bytes], complete: bool) -> tuple[list[Event], bool]:
    events: list[Event] = []
    try:
        for batch in event_batches(_FakeBody(pieces, complete), EventDecoder()):
            events += batch
    except GatewayError as error:
        anthropic_errors.body(error, "req_1")
        openai.body(error, "req_1")
        return events, True
    return events, False


def _answer_seeds() -> Iterator[bytes]:
    text = json.dumps({"content": "Hello 世界", "modelId": "claude-sonnet-4.5"})
    call = {"toolUseId": "t1", "name": "read"}
    parts = [(0, text), (1, '{"text":"Hm"}'), (1, '{"signature":"AA=="}'), (2, json.dumps(call))]
    parts += [(2, json.dumps(call | {"input": '{"a":1}'})), (2, json.dumps(call | {"stop": True}))]
    parts += [(3, '{"usage":0.5,"unit":"credit"}'), (4, '{"contextUsagePercentage":1.5}')]
    records = [_RECORD.pack(kind, len(sent)) + sent.encode() for kind, sent in parts]
    yield from (b"\x01" + record for record in records)
    yield b"\x01" + b"".join(records)
    yield b"\x00" + b"".join(records[:4])


# Bodies of requests

_ANSWER: list[Event] = [
    ThinkingDelta("Hm"), TextDelta("Hello"), ToolStart("t1", "f"), ToolInput('{"input":"x"}'),
    ToolEnd(), Finish("tool_use"),
]  # fmt: skip


def anthropic_bodies(data: bytes) -> None:
    """A body is refused with a known error, or becomes a request that the upstream accepts."""
    parsed = _parsed(anthropic_errors.body, anthropic.parse_messages, data, Headers())
    if parsed is None:
        return
    meter = _render(parsed.conversation)
    context = anthropic_reply.ReplyContext("msg_1", parsed.model)
    _check_events(anthropic_stream.StreamEncoder(context, meter).feed(_ANSWER))
    msgspec.json.decode(anthropic_reply.whole(context, fold(_ANSWER), meter))


def chat_bodies(data: bytes) -> None:
    """The same for Chat Completions."""
    parsed = _parsed(openai.body, chat.parse_chat, data, Headers())
    if parsed is None:
        return
    meter = _render(parsed.conversation)
    context = chat_reply.ReplyContext(
        "chatcmpl-1", 1, parsed.model, include_usage=parsed.include_usage, legacy=parsed.legacy
    )
    _check_events(chat_stream.StreamEncoder(context, meter).feed(_ANSWER))
    msgspec.json.decode(chat_reply.whole(context, fold(_ANSWER), meter))


def responses_bodies(data: bytes) -> None:
    """The same for Responses."""
    parsed = _parsed(openai.body, responses.parse_responses, data, Headers(), DEFAULT)
    if parsed is None:
        return
    meter = _render(parsed.conversation)
    context = responses_reply.ReplyContext("1", parsed.options, 1, _clock)
    _check_events(responses_stream.StreamEncoder(context, meter).feed(_ANSWER))
    msgspec.json.decode(responses_reply.whole(context, fold(_ANSWER), meter))


def _clock() -> float:
    """Return a constant, so that equal bytes give equal answers."""
    return 1.0


def _parsed(
    body: Callable[[GatewayError, str], bytes], parse: Callable[..., Parsed], *given: Any
) -> Parsed | None:
    """Return the parsed body, or None if it is refused correctly."""
    try:
        return parse(*given)
    except GatewayError as error:
        refusal = error
    assert refusal.kind in REFUSALS, refusal
    assert refusal.message
    msgspec.json.decode(body(refusal, "req_1"))
    return None


def _render(conversation: Conversation) -> Meter:
    """Render a conversation for every generation of hosts, and check it with the simulator's
    rules."""
    resolution = resolve(conversation.model, DEFAULT, {})
    conversation = resolution.apply(conversation)
    for host in HOSTS:
        rendered = render(
            conversation,
            host=host,
            model=resolution.model,
            profile_arn="arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK",
            conversation_id="1",
            max_description=10_000,
        )
        sent = msgspec.json.decode(rendered.body)
        assert violations(sent, headers=host.chat_endpoint()[1], binding=host.binding) == []
    estimate = estimate_conversation(conversation)
    return Meter(estimate, resolution.model.context_window, context_window)


def _encode_in_all_dialects(events: list[Event]) -> None:
    """Encode the events as a stream in every dialect."""
    meter = Meter(1, None, context_window)
    meter.feed(events)
    options = responses.parse_responses(b'{"input":"hi"}', Headers(), DEFAULT).options
    context = responses_reply.ReplyContext("1", options, 1, _clock)
    for encoder in (
        anthropic_stream.StreamEncoder(anthropic_reply.ReplyContext("msg_1", "m"), meter),
        chat_stream.StreamEncoder(chat_reply.ReplyContext("chatcmpl-1", 1, "m"), meter),
        responses_stream.StreamEncoder(context, meter),
    ):
        _check_events(encoder.feed(events))


def _check_events(stream: bytes) -> None:
    assert stream.decode() == "" or stream.endswith(b"\n\n")
    for line in stream.splitlines():
        if line.startswith(b"data: ") and line != b"data: [DONE]":
            msgspec.json.decode(line[6:])


def _captured(path: str) -> Callable[[], Iterator[bytes]]:
    def bodies() -> Iterator[bytes]:
        for file in sorted((DATA / "corpus" / "client-requests").glob("*.json")):
            request = json.loads(file.read_bytes())
            if request["path"].endswith(path):
                yield json.dumps(request["body"], ensure_ascii=False).encode()

    return bodies


TARGETS = {
    "frames": Target(frames, _vectors),
    "answers": Target(answers, _answer_seeds),
    "anthropic": Target(anthropic_bodies, _captured("/messages"), is_json=True),
    "openai_chat": Target(chat_bodies, _captured("/chat/completions"), is_json=True),
    "openai_responses": Target(responses_bodies, _captured("/responses"), is_json=True),
}
