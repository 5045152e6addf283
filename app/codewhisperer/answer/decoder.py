"""Decodes frames into core events. One table maps each event type to its handler.

Sans-IO. Source of the events and their payloads: the service models in the AWS language servers and
the Amazon Q CLI; ``stopReason`` and ``contextUsageEvent`` are from captures of newer clients.

The service sends no event that marks a clean end. An end counts as clean if the HTTP body is whole
(or, where HTTP cannot prove that, an event arrived that comes only near the end) and the answer has
content. A tool call without its stop, or whose input is not a JSON object, was then cut off by the
model's output limit: it ends as not complete, with the reason max_tokens. So does a whole body
without the tail that its host has always sent (:mod:`.ending`). Any other end is an error, never a
Finish.

Events for licences, links, follow-up prompts and intents are known and skipped, since no client
dialect has a place for them. So are citations, which are counted, as unknown events are.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from app.codewhisperer.service.errors import StreamError, corrupt, from_stream
from app.common.errors import BILLED, GatewayError, Kind
from app.core.events import (
    Event,
    Finish,
    RedactedThinkingBlock,
    Refusal,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    Usage,
)
from app.eventstream.frames import Frame

from .ending import Ending, Tail
from .halves import TEXTS, Halves, Payload
from .members import unknown_members
from .payloads import (
    read_context_usage,
    read_metadata,
    read_metering,
    read_reasoning,
    read_text,
    read_tool_use,
)
from .skipped import Skipped
from .tool_calls import ToolCallAssembler

OUTPUT_TOO_LONG = "ContentLengthExceededException"
"""In a stream that already has content, this exception means that the output limit was reached."""

NO_TAIL = "end of the answer"
"""Its name in the log."""

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError)
_NO_HEADERS: Mapping[str, object] = MappingProxyType({})  # no frame has this very object


class EventDecoder:
    """Frames in, core events out, in the order that :mod:`app.core.events` guarantees.

    ``tool_names``: the client's name by the upstream's name, for each renamed tool. ``tail``: that
    of the host which answers. ``skipped`` counts what was left out, by name, for the log.
    """

    __slots__ = (
        "_ending",
        "_halves",
        "_handle",
        "_has_content",
        "_headers",
        "_looked_at",
        "_model",
        "_tail",
        "_tools",
        "skipped",
    )

    def __init__(
        self, tool_names: Mapping[str, str] = MappingProxyType({}), tail: Tail | None = None
    ) -> None:
        self.skipped = Skipped()
        self._ending = Ending(self.skipped)
        self._tail = tail or Tail(dependable=False)
        self._tools = ToolCallAssembler(tool_names, self.skipped)
        self._halves = Halves(self.skipped)
        self._headers: Mapping[str, object] = _NO_HEADERS  # of the last frame
        self._handle: _Handler = EventDecoder._skip  # for frames with these headers
        self._model: str | None = None
        self._looked_at: set[object] = set()  # types of events
        self._has_content = False  # outside tool calls

    def feed(self, frames: Sequence[Frame]) -> list[Event]:
        """The events of these frames.

        Raises :class:`.errors.StreamError` for an error inside the stream, or a payload that cannot
        be read (CORRUPT); it holds the events that came before.
        """
        events: list[Event] = []
        handle = self._handle
        try:
            for frame in frames:
                if frame.headers is not self._headers:  # consecutive frames mostly share them
                    self._headers = frame.headers
                    waiting = self._halves.waiting
                    handle = EventDecoder._on_other_half if waiting else _handler(frame.headers)
                    self._handle = handle
                    if handle in _OF_CONTENT:
                        self._ending.content()
                    self._look_for_news(frame)
                try:
                    handle(self, frame.payload, events)
                except _UNREADABLE as error:
                    self._on_unreadable(frame.payload, events, error)
        except GatewayError as error:
            raise StreamError(error, events) from None
        except (*_UNREADABLE, RecursionError) as error:
            name = self._headers.get(":event-type")
            raise StreamError(corrupt(f"the payload of {name} cannot be read"), events) from error
        return events

    def _look_for_news(self, frame: Frame) -> None:
        """Count members that are not known, in the first event of each type of an answer."""
        name = frame.headers.get(":event-type")
        if name not in self._looked_at and isinstance(name, str):
            self._looked_at.add(name)
            for member in unknown_members(name, frame.payload):
                self.skipped.add_unknown(member)

    @property
    def refusal(self) -> Refusal | None:
        """Why the answer was declined, if it was."""
        return self._ending.refusal

    @property
    def metered(self) -> bool:
        """Whether nothing of the answer came since a meteringEvent, after which the service may
        fall silent instead of ending the body.
        """
        return self._ending.metered

    @property
    def whole(self) -> bool:
        """Whether what has arrived would be a clean end without further bytes."""
        started = self._tools.open_id is not None or self._halves.waiting
        ended = self._ending.stop is not None or self._has_answer()
        return self._ending.near and ended and not started

    def finish(self, *, complete: bool) -> list[Event]:
        """The closing events, of which Finish is the last. Call it once, at the end of the body.

        ``complete``: HTTP proved that the body is whole. Raises GatewayError: TRUNCATED if neither
        HTTP nor an event proves it, EMPTY if there was no content and no stop reason.
        """
        ending = self._ending
        if not (complete or ending.near):
            raise GatewayError(
                Kind.TRUNCATED, "The upstream's answer broke off before its end. Try again."
            )
        events: list[Event] = []
        self._read(self._halves.finish(), events)
        if ending.stop is None and not self._has_answer():
            raise _empty(ending.credits)
        tail_missing = self._tail.missing(had=ending.near)
        if tail_missing:
            self.skipped.add(NO_TAIL)
        self._tools.finish(events)
        reason = ending.reason(
            completed=self._tools.completed,
            cut_off=self._tools.cut_off,
            tail_missing=tail_missing,
        )
        events.append(Finish(reason, ending.refusal if reason == "refusal" else None))
        return events

    def _has_answer(self) -> bool:
        """Whether there was any content, tool calls included."""
        return self._has_content or self._tools.begun

    def _on_unreadable(self, payload: bytes, events: list[Event], error: Exception) -> None:
        """Read a payload with halves of surrogate pairs; raise the error of any other."""
        mended = self._halves.mend(str(self._headers.get(":event-type")), payload)
        if mended is None:
            raise error
        self._read(mended, events)
        self._headers = _NO_HEADERS  # choose anew how the next frame is read

    def _on_other_half(self, payload: bytes, events: list[Event]) -> None:
        """Read the frame after one that ended with the first half of a surrogate pair."""
        name, handle = self._headers.get(":event-type"), _handler(self._headers)
        is_text = name in TEXTS and handle is _HANDLERS[name]
        mended = self._halves.mend(str(name), payload) if is_text else None
        if mended is None:
            handle(self, payload, events)
        else:
            self._read(mended, events)
        self._headers = _NO_HEADERS

    def _read(self, payloads: Sequence[Payload], events: list[Event]) -> None:
        for name, payload in payloads:
            _HANDLERS[name](self, payload, events)

    def _emit(self, event: Event, events: list[Event]) -> None:
        self._has_content = True
        if self._tools.open_id is None:
            events.append(event)
        else:
            self._tools.hold(event)

    def _on_text(self, payload: bytes, events: list[Event]) -> None:
        text = read_text(payload)
        if text.model_id is not None and text.model_id != self._model:
            self._model = text.model_id
            events.append(Usage(model=text.model_id))
        if text.content:
            if self._tools.open_id is None:  # inlined _emit: most events are text deltas
                self._has_content = True
                events.append(TextDelta(text.content))
            else:
                self._emit(TextDelta(text.content), events)

    def _on_reasoning(self, payload: bytes, events: list[Event]) -> None:
        reasoning = read_reasoning(payload)
        if reasoning.text:
            self._emit(ThinkingDelta(reasoning.text), events)
        if reasoning.signature:
            self._emit(ThinkingSignature(reasoning.signature), events)
        if reasoning.redacted_content:
            self._emit(RedactedThinkingBlock(reasoning.redacted_content), events)

    def _on_tool_use(self, payload: bytes, events: list[Event]) -> None:
        self._tools.feed(read_tool_use(payload), events)

    def _on_metering(self, payload: bytes, events: list[Event]) -> None:
        if self._ending.meter(read_metering(payload)):
            events.append(Usage(credits=self._ending.credits))

    def _on_context_usage(self, payload: bytes, events: list[Event]) -> None:
        self._ending.near = True
        percentage = read_context_usage(payload).context_usage_percentage
        if percentage is not None:
            events.append(Usage(context_percentage=percentage))

    def _on_metadata(self, payload: bytes, events: list[Event]) -> None:
        metadata = read_metadata(payload)
        self._ending.explain(metadata)
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
        """For known events of no use to any client."""

    def _leave_out(self, payload: bytes, events: list[Event]) -> None:
        """For known events with a part of the answer that no client has a place for."""
        self.skipped.add(str(self._headers.get(":event-type")))

    def _unknown(self, name: object) -> None:
        if not isinstance(name, str):
            raise corrupt("an event without a type")
        self.skipped.add_unknown(name)

    def _on_error_message(self, headers: Mapping[str, object], payload: bytes) -> None:
        """Raise the error of a message that is not an event, unless it means the output limit."""
        kind = headers.get(":message-type")
        if kind == "exception":
            name = str(headers.get(":exception-type", ""))
            if name != OUTPUT_TOO_LONG or not self._has_answer():
                raise from_stream(name, payload)
            self._ending.stop = "max_tokens"
            self._ending.near = True
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
    "citationEvent": EventDecoder._leave_out,
    "documentCitationEvent": EventDecoder._leave_out,
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
_OF_CONTENT = frozenset(
    {
        EventDecoder._on_text,
        EventDecoder._on_reasoning,
        EventDecoder._on_tool_use,
        EventDecoder._on_other_half,
    }
)


def _handler(headers: Mapping[str, object]) -> _Handler:
    """The handler for the payloads of frames with these headers."""
    if headers.get(":message-type") != "event":
        return lambda decoder, payload, events: decoder._on_error_message(headers, payload)
    name = headers.get(":event-type")
    return _HANDLERS.get(name) or (lambda decoder, payload, events: decoder._unknown(name))


def _empty(credits: float | None) -> GatewayError:
    """The error of an answer without content. One that was billed is not asked for again."""
    if credits:
        return GatewayError(
            Kind.EMPTY,
            f"The upstream's answer was empty, and billed with {credits:g} credits; so it was not"
            " asked for again.",
            code=BILLED,
        )
    return GatewayError(Kind.EMPTY, "The upstream's answer was empty. Try again.")
