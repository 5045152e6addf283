"""The answer as chunks: a state machine over a table.

Which event may come in which state, and what is written then, is :data:`TRANSITIONS`
(:mod:`app.dialects.transitions`). Signed and opaque reasoning has no place in a chunk and writes
nothing.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any

from app.core.events import (
    Event,
    Finish,
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
from app.dialects.openai import encode
from app.dialects.transitions import Row, after, transition
from app.errors import GatewayError

from . import errors
from .chunks import DONE, PING, Chunks, Frame
from .reply import Answer, finish_reason


class State(Enum):
    """Where in its answer a stream stands."""

    FRESH = "before the answer"
    SAYING = "in the answer"
    CALL = "in a tool call"
    DONE = "after the answer"


class StreamEncoder:
    """One answer's events as bytes; the same bytes in whatever batches the events come."""

    def __init__(self, answer: Answer, meter: Meter) -> None:
        self._answer = answer
        self._chunks = Chunks(answer)
        self._meter = meter
        self._state = State.FRESH
        self._calls = 0
        self._arguments: Frame | None = None  # of the open call, unless that is left out
        self._arguments_sent = False
        self._out: list[bytes] = []

    def feed(self, events: Sequence[Event]) -> bytes:
        """All that these events write; b"" when that is nothing. Raises :class:`GatewayError`
        (``INTERNAL``) when one cannot stand where it does.
        """
        out, (head, tail) = self._out, self._chunks.content
        for event in events:
            if type(event) is TextDelta and self._state is State.SAYING:
                out += (head, encode(event.text), tail)
            else:
                self._advance(event)
        return self._taken()

    def ping(self) -> bytes:
        """A sign of life; nothing once the answer is complete."""
        return b"" if self._state is State.DONE else PING

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """The error event; nothing is written after it, and nothing at all once the answer is
        complete.
        """
        if self._state is State.DONE:
            return b""
        self._state = State.DONE
        return errors.event(error, request_id)

    def _taken(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _advance(self, event: Event) -> None:
        steps, state = transition(TRANSITIONS, self._state, event)
        for step in steps:
            step(self, event)
        self._state = state

    def _start(self, _: Any) -> None:
        self._out.append(self._chunks.role())

    def _write(self, frame: Frame, text: str) -> None:
        self._out += (frame.head, encode(text), frame.tail)

    def _text(self, event: TextDelta) -> None:
        self._write(self._chunks.content, event.text)

    def _thinking(self, event: ThinkingDelta) -> None:
        self._write(self._chunks.reasoning, event.text)

    def _open_call(self, event: ToolStart) -> None:
        self._arguments_sent = False
        self._arguments = None
        if not (self._answer.legacy and self._calls):
            self._out.append(self._chunks.call(self._calls, event.id, event.name))
            self._arguments = self._chunks.arguments(self._calls)
        self._calls += 1

    def _input(self, event: ToolInput) -> None:
        if self._arguments:
            self._write(self._arguments, event.fragment)
            self._arguments_sent = True

    def _close_call(self, event: ToolEnd) -> None:
        """Arguments are to be JSON: a call without any gets ``{}``."""
        if event.complete and self._arguments and not self._arguments_sent:
            self._write(self._arguments, "{}")

    def _finish(self, event: Finish) -> None:
        self._out.append(
            self._chunks.finish(finish_reason(event.reason, legacy=self._answer.legacy))
        )
        if self._answer.include_usage:
            self._out.append(self._chunks.usage(self._meter.counts()))
        self._out.append(DONE)


_do = StreamEncoder
_SAYING: Row[State] = {
    TextDelta: ((_do._text,), State.SAYING),
    ThinkingDelta: ((_do._thinking,), State.SAYING),
    ThinkingSignature: ((), State.SAYING),
    RedactedThinkingBlock: ((), State.SAYING),
    ToolStart: ((_do._open_call,), State.CALL),
    Usage: ((), State.SAYING),
    Finish: ((_do._finish,), State.DONE),
}
_SILENT = (ThinkingSignature, RedactedThinkingBlock, Usage)
TRANSITIONS: dict[State, Row[State]] = {
    State.FRESH: after((_do._start,), _SAYING) | dict.fromkeys(_SILENT, ((), State.FRESH)),
    State.SAYING: _SAYING,
    State.CALL: {
        ToolInput: ((_do._input,), State.CALL),
        ToolEnd: ((_do._close_call,), State.SAYING),
        Usage: ((), State.CALL),
    },
    State.DONE: {},
}
