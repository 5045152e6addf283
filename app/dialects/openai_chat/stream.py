"""The answer as chunks: a state machine over a table.

:attr:`StreamEncoder.TRANSITIONS` says which event each state accepts and what it writes
(:mod:`app.dialects.encoder`). Signatures and opaque reasoning have no place in a chunk and write
nothing.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, ClassVar

from app.common.errors import GatewayError
from app.core.conversation import CitedText, HostedToolUse, Summary
from app.core.events import (
    Event,
    Finish,
    HostedToolStart,
    RedactedThinkingBlock,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
)
from app.core.usage import Meter
from app.dialects import encoder, wire
from app.dialects.custom_tools import InputReader
from app.dialects.openai import OpenAIError, failure
from app.dialects.transitions import Row, Table, after
from app.dialects.wire import encode

from .chunks import DONE, PING, Chunks, ChunkTemplate
from .reply import ReplyContext, annotations, finish_reason
from .shapes import Annotation


class State(Enum):
    """How far a stream has come."""

    FRESH = "before the answer"
    ANSWER = "in the answer"
    CALL = "in a tool call"
    DONE = "after the answer"


class StreamEncoder(encoder.StreamEncoder):
    """Writes one completion."""

    FRESH, TEXT, DONE = State.FRESH, State.ANSWER, State.DONE
    PING = PING

    def __init__(self, context: ReplyContext, meter: Meter) -> None:
        super().__init__(meter)
        self._context = context
        self._chunks = Chunks(context)
        self._head, self._tail = self._chunks.content
        self._calls = 0
        self._annotations: list[Annotation] = []
        self._arguments: ChunkTemplate | None = None  # of the open call, unless that is left out
        self._arguments_sent = False
        self._reader: InputReader | None = None  # of a call with free text

    def _fail(self, error: GatewayError, request_id: str) -> None:
        """The SDKs take this event for the end of a broken answer. ``[DONE]`` must not follow: a
        client that reads on would take the answer for complete.
        """
        self._out.append(wire.data(OpenAIError(failure(error, "messages"))))

    def _start(self, _: Any) -> None:
        self._out.append(self._chunks.role())

    def _write(self, template: ChunkTemplate, text: str) -> None:
        self._out += (template.head, encode(text), template.tail)

    def _text(self, event: TextDelta | CitedText) -> None:
        self._delta(event.text)

    def _thinking(self, event: ThinkingDelta) -> None:
        self._write(self._chunks.reasoning, event.text)

    def _open_call(self, event: ToolStart) -> None:
        self._arguments_sent = False
        self._arguments = self._reader = None
        if not (self._context.legacy and self._calls):
            form = self._context.forms.get(event.name, "function")
            self._reader = None if form == "function" else InputReader()
            self._out.append(self._chunks.call(self._calls, event.id, event.name, form))
            self._arguments = self._chunks.arguments(self._calls, form)
        self._calls += 1

    def _input(self, event: ToolInput) -> None:
        if self._arguments:
            text = self._reader.feed(event.fragment) if self._reader else event.fragment
            if text:
                self._write(self._arguments, text)
                self._arguments_sent = True

    def _close_call(self, event: ToolEnd) -> None:
        """Arguments must be JSON: a call without any gets ``{}``."""
        if not (event.complete and self._arguments):
            return
        rest = self._reader.finish() if self._reader else "{}" * (not self._arguments_sent)
        if rest:
            self._write(self._arguments, rest)

    def _finish(self, event: Finish) -> None:
        if event.refusal and event.refusal.explanation:
            self._out.append(self._chunks.refusal(event.refusal.explanation))
        if self._annotations:
            self._out.append(self._chunks.annotations(self._annotations))
        self._out.append(
            self._chunks.finish(finish_reason(event.reason, legacy=self._context.legacy))
        )
        if self._context.include_usage:
            self._out.append(self._chunks.usage(self._meter.counts()))
        self._out.append(DONE)

    _ANSWER: ClassVar[Row] = {
        TextDelta: ((_text,), State.ANSWER),
        ThinkingDelta: ((_thinking,), State.ANSWER),
        ThinkingSignature: ((), State.ANSWER),
        RedactedThinkingBlock: ((), State.ANSWER),
        ToolStart: ((_open_call,), State.CALL),
        HostedToolStart: ((), State.ANSWER),
        HostedToolUse: ((), State.ANSWER),
        CitedText: ((_text,), State.ANSWER),
        Usage: ((), State.ANSWER),
        Finish: ((_finish,), State.DONE),
    }
    _SILENT = (
        ThinkingSignature,
        RedactedThinkingBlock,
        HostedToolStart,
        HostedToolUse,
        Summary,
        Usage,
    )
    TRANSITIONS: ClassVar[Table] = {
        State.FRESH: after((_start,), _ANSWER) | dict.fromkeys(_SILENT, ((), State.FRESH)),
        State.ANSWER: _ANSWER,
        State.CALL: {
            ToolInput: ((_input,), State.CALL),
            ToolEnd: ((_close_call,), State.ANSWER),
            Usage: ((), State.CALL),
        },
        State.DONE: {},
    }


class CitingEncoder(StreamEncoder):
    """Writes a completion that may cite pages: counts its text, which others need not pay for."""

    def __init__(self, context: ReplyContext, meter: Meter) -> None:
        super().__init__(context, meter)
        self._length = 0

    def feed(self, events: Sequence[Event]) -> bytes:
        """As in the base class."""
        for event in events:
            if isinstance(event, CitedText):
                self._annotations += annotations(event, self._length)
            if isinstance(event, TextDelta | CitedText):
                self._length += len(event.text)
        return super().feed(events)
