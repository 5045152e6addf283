"""The answer as server-sent events: a state machine over a table.

Which event may come in which state, and what is written then, is :attr:`StreamEncoder.TRANSITIONS`
(:mod:`app.dialects.transitions`).
"""

from enum import Enum
from typing import Any, ClassVar

from app.core.events import (
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
from app.dialects.encoder import OpeningEncoder
from app.dialects.transitions import Row, Table, after
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


class StreamEncoder(OpeningEncoder):
    """Writes one message."""

    FRESH, OPENED, TEXT, DONE = State.FRESH, State.BETWEEN, State.TEXT, State.DONE
    PING = sse.PING

    def __init__(self, answer: reply.Answer, meter: Meter) -> None:
        super().__init__(meter)
        self._answer = answer
        self._index = 0
        self._tail = sse.DELTA_END
        self._input_sent = False

    def _fail(self, error: GatewayError, request_id: str) -> None:
        self._out.append(sse.error(errors.body(error, request_id)))

    def _start(self, _: Any = None) -> None:
        used = reply.first_usage(self._meter)
        message = reply.shell(self._answer, [], used, None)
        self._out += (sse.event("message_start", message=message), sse.PING)

    def _open(self, block: dict[str, Any], kind: tuple[bytes, bytes] | None = None) -> None:
        self._out.append(sse.block_start(self._index, **block))
        if kind:
            self._head = sse.delta_head(self._index, kind)

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

    _BETWEEN: ClassVar[Row] = {
        TextDelta: ((_open_text, _text), State.TEXT),
        ThinkingDelta: ((_open_thinking, _thinking), State.THINKING),
        ThinkingSignature: ((_open_thinking, _signature, _close), State.BETWEEN),
        RedactedThinkingBlock: ((_redacted, _close), State.BETWEEN),
        ToolStart: ((_open_call,), State.CALL),
        Usage: ((), State.BETWEEN),
        Finish: ((_finish,), State.DONE),
    }
    TRANSITIONS: ClassVar[Table] = {
        State.FRESH: after((_start,), _BETWEEN) | {Usage: ((), State.FRESH)},
        State.BETWEEN: _BETWEEN,
        State.TEXT: after((_close,), _BETWEEN)
        | {TextDelta: ((_text,), State.TEXT), Usage: ((), State.TEXT)},
        State.THINKING: after((_close,), _BETWEEN)
        | {
            ThinkingDelta: ((_thinking,), State.THINKING),
            ThinkingSignature: ((_signature, _close), State.BETWEEN),
            Usage: ((), State.THINKING),
        },
        State.CALL: {
            ToolInput: ((_input,), State.CALL),
            ToolEnd: ((_close_call,), State.BETWEEN),
            Usage: ((), State.CALL),
        },
        State.DONE: {},
    }
