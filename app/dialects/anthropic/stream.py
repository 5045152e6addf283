"""The answer as server-sent events: a state machine over a table.

Which event may come in which state, and what is written then, is :data:`TRANSITIONS`
(:mod:`app.dialects.transitions`).
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
from app.dialects.transitions import Row, after, transition
from app.errors import GatewayError

from . import errors, reply, sse


class State(Enum):
    """Where in its answer a stream stands."""

    FRESH = "before the answer"
    BETWEEN = "between blocks"
    TEXT = "in text"
    THINKING = "in reasoning"
    CALL = "in a tool call"
    DONE = "after the answer"


class StreamEncoder:
    """One answer's events as bytes; the same bytes in whatever batches the events come."""

    def __init__(self, answer: reply.Answer, meter: Meter) -> None:
        self._answer = answer
        self._meter = meter
        self._state = State.FRESH
        self._index = 0
        self._head = b""
        self._input_sent = False
        self._out: list[bytes] = []

    def feed(self, events: Sequence[Event]) -> bytes:
        """All that these events write; b"" when that is nothing. Raises :class:`GatewayError`
        (``INTERNAL``) when one cannot stand where it does.
        """
        out, encode, end = self._out, sse.encode, sse.DELTA_END
        for event in events:
            if type(event) is TextDelta and self._state is State.TEXT:
                out += (self._head, encode(event.text), end)
            else:
                self._advance(event)
        return self._taken()

    def ping(self) -> bytes:
        """A sign of life. One before the first event begins the message."""
        if self._state is State.DONE:
            return b""
        if self._state is State.FRESH:
            self._start()
            self._state = State.BETWEEN
            return self._taken()
        return sse.PING

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """The error event; nothing is written after it, and nothing at all once the message is
        complete.
        """
        if self._state is State.DONE:
            return b""
        self._state = State.DONE
        return sse.error(errors.body(error, request_id))

    def _taken(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _advance(self, event: Event) -> None:
        steps, state = transition(TRANSITIONS, self._state, event)
        for step in steps:
            step(self, event)
        self._state = state

    def _start(self, _: Any = None) -> None:
        used = reply.first_usage(self._meter)
        message = reply.shell(self._answer, [], used, None)
        self._out += (sse.event("message_start", message=message), sse.PING)

    def _open(self, block: dict[str, Any], kind: tuple[bytes, bytes] | None = None) -> None:
        self._out.append(sse.block_start(self._index, **block))
        if kind:
            self._head = sse.delta_head(self._index, kind)

    def _delta(self, text: str) -> None:
        self._out += (self._head, sse.encode(text), sse.DELTA_END)

    def _close(self, _: Any = None) -> None:
        self._out.append(sse.block_stop(self._index))
        self._index += 1

    def _open_text(self, _: TextDelta) -> None:
        self._open(reply.text_block(""), sse.TEXT)

    def _text(self, event: TextDelta) -> None:
        self._delta(event.text)

    def _open_thinking(self, _: ThinkingDelta | ThinkingSignature) -> None:
        self._open(reply.thinking_block("", ""), sse.THINKING)

    def _thinking(self, event: ThinkingDelta) -> None:
        if not self._answer.omit_thinking:
            self._delta(event.text)

    def _signature(self, event: ThinkingSignature) -> None:
        self._head = sse.delta_head(self._index, sse.SIGNATURE)
        self._delta(event.signature)

    def _redacted(self, event: RedactedThinkingBlock) -> None:
        self._open(reply.redacted_block(event.data))

    def _open_call(self, event: ToolStart) -> None:
        self._open(reply.tool_block(event.id, event.name, {}), sse.TOOL_INPUT)
        self._input_sent = False

    def _input(self, event: ToolInput) -> None:
        self._delta(event.fragment)
        self._input_sent = True

    def _close_call(self, event: ToolEnd) -> None:
        """Some clients take the input from deltas alone: a call without one gets ``{}`` there."""
        if event.complete and not self._input_sent:
            self._delta("{}")
        self._close()

    def _finish(self, event: Finish) -> None:
        used = reply.usage(self._meter.counts())
        self._out += (
            sse.event("message_delta", delta=reply.stop(event.reason), usage=used),
            sse.MESSAGE_STOP,
        )


_do = StreamEncoder
_BETWEEN: Row[State] = {
    TextDelta: ((_do._open_text, _do._text), State.TEXT),
    ThinkingDelta: ((_do._open_thinking, _do._thinking), State.THINKING),
    ThinkingSignature: ((_do._open_thinking, _do._signature, _do._close), State.BETWEEN),
    RedactedThinkingBlock: ((_do._redacted, _do._close), State.BETWEEN),
    ToolStart: ((_do._open_call,), State.CALL),
    Usage: ((), State.BETWEEN),
    Finish: ((_do._finish,), State.DONE),
}
TRANSITIONS: dict[State, Row[State]] = {
    State.FRESH: after((_do._start,), _BETWEEN) | {Usage: ((), State.FRESH)},
    State.BETWEEN: _BETWEEN,
    State.TEXT: after((_do._close,), _BETWEEN)
    | {TextDelta: ((_do._text,), State.TEXT), Usage: ((), State.TEXT)},
    State.THINKING: after((_do._close,), _BETWEEN)
    | {
        ThinkingDelta: ((_do._thinking,), State.THINKING),
        ThinkingSignature: ((_do._signature, _do._close), State.BETWEEN),
        Usage: ((), State.THINKING),
    },
    State.CALL: {
        ToolInput: ((_do._input,), State.CALL),
        ToolEnd: ((_do._close_call,), State.BETWEEN),
        Usage: ((), State.CALL),
    },
    State.DONE: {},
}
