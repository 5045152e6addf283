"""Frames to core events: one table, from an event's type to what it means here.

Sans-IO. Source of the events and their payloads: the service models in the AWS language servers and
the Amazon Q CLI; ``stopReason`` and ``contextUsageEvent`` are from captures of newer clients.

What makes an end clean, since the service says it in no event: the HTTP body is whole (or, where
HTTP cannot tell, an event was seen that comes only near the end), and something was said. A tool
call without its stop, or whose input is no JSON object, was then cut off by the model's output
limit: it ends as not complete, and the reason is max_tokens. Everything else is an error, never a
Finish.

Deliberately absent: events for citations, licences, links, follow-up prompts and intents, which no
client dialect has a place for. They are known and skipped; unknown ones are skipped and counted.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import msgspec
from msgspec import Struct

from app.codewhisperer.service.errors import StreamError, corrupt, from_stream
from app.core.events import (
    Event,
    Finish,
    RedactedThinkingBlock,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    Usage,
)
from app.errors import GatewayError, Kind
from app.eventstream.frames import Frame

from .tool_calls import ToolCallAssembler, ToolUse

STOP_REASONS: dict[str, StopReason] = {
    "END_TURN": "end_turn",
    "TOOL_USE": "tool_use",
    "STOP_SEQUENCE": "stop_sequence",
    "MAX_TOKENS": "max_tokens",
    "LENGTH_LIMIT": "max_tokens",
    "MAX_TIME": "max_tokens",  # cut off all the same; clients know no other word for it
    "MODEL_CONTEXT_WINDOW_EXCEEDED": "context_window",
    "CONTENT_FILTERED": "refusal",
    "GUARDRAIL_INTERVENED": "refusal",
}

OUTPUT_TOO_LONG = "ContentLengthExceededException"
"""Inside a stream that has said something already, this exception tells of the output limit."""


class _Text(Struct, rename="camel", gc=False):
    content: str
    model_id: str | None = None


class _Reasoning(Struct, rename="camel", gc=False):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Metering(Struct, gc=False):
    usage: float | None = None
    unit: str | None = None


class _ContextUsage(Struct, rename="camel", gc=False):
    context_usage_percentage: float | None = None


class _TokenUsage(Struct, rename="camel", gc=False):
    uncached_input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    context_usage_percentage: float | None = None


class _Metadata(Struct, rename="camel", gc=False):
    token_usage: _TokenUsage | None = None
    stop_reason: str | None = None


_text = msgspec.json.Decoder(_Text).decode
_reasoning = msgspec.json.Decoder(_Reasoning).decode
_tool_use = msgspec.json.Decoder(ToolUse).decode
_metering = msgspec.json.Decoder(_Metering).decode
_context_usage = msgspec.json.Decoder(_ContextUsage).decode
_metadata = msgspec.json.Decoder(_Metadata).decode


class EventDecoder:
    """Frames in, core events out, in the order that :mod:`app.core.events` promises.

    ``tool_names`` leads from the upstream's names of tools to the client's, where they differ.
    ``skipped`` counts what was left out, by name, for the log.
    """

    __slots__ = (
        "_closing",
        "_handle",
        "_headers",
        "_model",
        "_spoke",
        "_stop",
        "_tools",
        "skipped",
    )

    def __init__(self, tool_names: Mapping[str, str] = MappingProxyType({})) -> None:
        self.skipped: Counter[str] = Counter()
        self._tools = ToolCallAssembler(tool_names, self.skipped)
        self._headers: Mapping[str, object] = {}  # of the last frame, and what was done with it
        self._handle: _Handler = EventDecoder._skip
        self._model: str | None = None
        self._stop: StopReason | None = None  # as the upstream told it
        self._spoke = False  # said anything outside tool calls
        self._closing = False  # an event came that stands near the end only

    def feed(self, frames: Sequence[Frame]) -> list[Event]:
        """The events of these frames.

        Raises :class:`.errors.StreamError` for an error inside the stream, or a payload that cannot
        be read (CORRUPT); on it are the events from before.
        """
        events: list[Event] = []
        handle = self._handle
        try:
            for frame in frames:
                if frame.headers is not self._headers:  # frames of one kind, most are, share them
                    self._headers = frame.headers
                    handle = self._handle = _handler(frame.headers)
                handle(self, frame.payload, events)
        except GatewayError as error:
            raise StreamError(error, events) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            name = self._headers.get(":event-type")
            raise StreamError(corrupt(f"the payload of {name} cannot be read"), events) from error
        return events

    def finish(self, *, complete: bool) -> list[Event]:
        """The closing events, Finish the last of them; called once, when the HTTP body has ended.

        ``complete``: HTTP itself proved that the body is whole. Raises GatewayError TRUNCATED if
        neither HTTP nor an event proves it, EMPTY if nothing was said and no stop reason given.
        """
        if not (complete or self._closing):
            raise GatewayError(
                Kind.TRUNCATED, "The upstream's answer broke off before its end. Try again."
            )
        if self._stop is None and not self._said():
            raise GatewayError(Kind.EMPTY, "The upstream's answer was empty. Try again.")
        events: list[Event] = []
        self._tools.finish(events)
        events.append(Finish(self._reason()))
        return events

    def _said(self) -> bool:
        """Whether there is anything that an answer can be made of."""
        return self._spoke or self._tools.begun

    def _reason(self) -> StopReason:
        """Why the answer ended. Tool calls decide between end_turn and tool_use, whatever was told:
        older hosts tell nothing, and newer ones the wrong one of the two at times. A call that was
        cut off must never look like one to be run.
        """
        if self._tools.cut:
            return self._stop if self._stop in ("context_window", "refusal") else "max_tokens"
        if self._stop in (None, "end_turn", "tool_use"):
            return "tool_use" if self._tools.completed else "end_turn"
        return self._stop

    def _say(self, event: Event, events: list[Event]) -> None:
        self._spoke = True
        if self._tools.open_id is None:
            events.append(event)
        else:
            self._tools.hold(event)

    def _on_text(self, payload: bytes, events: list[Event]) -> None:
        text = _text(payload)
        if text.model_id is not None and text.model_id != self._model:
            self._model = text.model_id
            events.append(Usage(model=text.model_id))
        if text.content:
            if self._tools.open_id is None:  # as in _say, without the call: most events are these
                self._spoke = True
                events.append(TextDelta(text.content))
            else:
                self._say(TextDelta(text.content), events)

    def _on_reasoning(self, payload: bytes, events: list[Event]) -> None:
        reasoning = _reasoning(payload)
        if reasoning.text:
            self._say(ThinkingDelta(reasoning.text), events)
        if reasoning.signature:
            self._say(ThinkingSignature(reasoning.signature), events)
        if reasoning.redacted_content:
            self._say(RedactedThinkingBlock(reasoning.redacted_content), events)

    def _on_tool_use(self, payload: bytes, events: list[Event]) -> None:
        self._tools.take(_tool_use(payload), events)

    def _on_metering(self, payload: bytes, events: list[Event]) -> None:
        self._closing = True
        metering = _metering(payload)
        if (metering.unit or "credit").lower() != "credit":
            self.skipped[f"meteringEvent in {metering.unit!r:.32}"] += 1
        elif metering.usage is not None:
            events.append(Usage(credits=metering.usage))

    def _on_context_usage(self, payload: bytes, events: list[Event]) -> None:
        self._closing = True
        percentage = _context_usage(payload).context_usage_percentage
        if percentage is not None:
            events.append(Usage(context_percentage=percentage))

    def _on_metadata(self, payload: bytes, events: list[Event]) -> None:
        self._closing = True
        metadata = _metadata(payload)
        if metadata.stop_reason:
            self._stop = STOP_REASONS.get(metadata.stop_reason.upper())
            if self._stop is None:
                self.skipped[f"stopReason {metadata.stop_reason:.32}"] += 1
                self._stop = "end_turn"
        if (used := metadata.token_usage) is not None:
            events.append(
                Usage(
                    input_tokens=used.uncached_input_tokens,
                    output_tokens=used.output_tokens,
                    cache_read_tokens=used.cache_read_input_tokens,
                    cache_write_tokens=used.cache_write_input_tokens,
                    context_percentage=used.context_usage_percentage,
                )
            )

    def _on_invalid_state(self, payload: bytes, events: list[Event]) -> None:
        raise from_stream("invalidStateEvent", payload)

    def _skip(self, payload: bytes, events: list[Event]) -> None:
        """Known, and of no use to any client."""

    def _unknown(self, name: object) -> None:
        if not isinstance(name, str):
            raise corrupt("an event without a type")
        self.skipped[name[:64]] += 1

    def _refused(self, headers: Mapping[str, object], payload: bytes) -> None:
        """A message that is no event: an error, unless it only tells why the answer ends."""
        kind = headers.get(":message-type")
        if kind == "exception":
            name = str(headers.get(":exception-type", ""))
            if name != OUTPUT_TOO_LONG or not self._said():
                raise from_stream(name, payload)
            self._stop = "max_tokens"
            self._closing = True
        elif kind == "error":
            code, message = headers.get(":error-code", ""), headers.get(":error-message", "")
            raise from_stream(str(code), payload, str(message))
        else:
            raise corrupt("a message that is neither an event nor an error")


_Handler: TypeAlias = Callable[[EventDecoder, bytes, list[Event]], None]

_HANDLERS: dict[object, _Handler] = {
    "assistantResponseEvent": EventDecoder._on_text,
    "codeEvent": EventDecoder._on_text,
    "reasoningContentEvent": EventDecoder._on_reasoning,
    "toolUseEvent": EventDecoder._on_tool_use,
    "meteringEvent": EventDecoder._on_metering,
    "contextUsageEvent": EventDecoder._on_context_usage,
    "metadataEvent": EventDecoder._on_metadata,
    "invalidStateEvent": EventDecoder._on_invalid_state,
    "citationEvent": EventDecoder._skip,
    "codeReferenceEvent": EventDecoder._skip,
    "dryRunSucceedEvent": EventDecoder._skip,
    "followupPromptEvent": EventDecoder._skip,
    "initial-response": EventDecoder._skip,
    "intentsEvent": EventDecoder._skip,
    "interactionComponentsEvent": EventDecoder._skip,
    "messageMetadataEvent": EventDecoder._skip,
    "supplementaryWebLinksEvent": EventDecoder._skip,
    "toolResultEvent": EventDecoder._skip,
}


def _handler(headers: Mapping[str, object]) -> _Handler:
    """What to do with the payload of a frame that has these headers."""
    if headers.get(":message-type") != "event":
        return lambda decoder, payload, events: decoder._refused(headers, payload)
    name = headers.get(":event-type")
    return _HANDLERS.get(name) or (lambda decoder, payload, events: decoder._unknown(name))
