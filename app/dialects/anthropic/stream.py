"""The answer as server-sent events: a state machine over a table.

:attr:`StreamEncoder.TRANSITIONS` says which event each state accepts and what it writes
(:mod:`app.dialects.encoder`).
"""

from enum import Enum
from typing import Any, ClassVar, TypeAlias

from app.common.errors import GatewayError
from app.core.conversation import CitedText, HostedToolUse, Summary
from app.core.events import (
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
from app.dialects import wire
from app.dialects.encoder import OpeningEncoder
from app.dialects.transitions import Row, Table, after

from . import context_shapes, errors, reply, shapes, web_search

DeltaParts: TypeAlias = list[bytes]
"""The event of a delta: before the block's index, between index and text, after the text."""


def _parts(delta: shapes.Delta) -> DeltaParts:
    return wire.cut(wire.event(shapes.BlockDelta(wire.HOLE, delta)))


TEXT_DELTA = _parts(shapes.TextDelta(wire.HOLE))
THINKING_DELTA = _parts(shapes.ThinkingDelta(wire.HOLE))
SIGNATURE_DELTA = _parts(shapes.SignatureDelta(wire.HOLE))
INPUT_DELTA = _parts(shapes.InputDelta(wire.HOLE))


class State(Enum):
    """How far a stream has come."""

    FRESH = "before the answer"
    BETWEEN = "between blocks"
    TEXT = "in text"
    THINKING = "in reasoning"
    CALL = "in a tool call"
    HOSTED = "in a call of a hosted tool"
    DONE = "after the answer"


class StreamEncoder(OpeningEncoder):
    """Writes one message."""

    FRESH, OPENED, TEXT, DONE = State.FRESH, State.BETWEEN, State.TEXT, State.DONE
    PING = wire.event(shapes.Ping())

    def __init__(self, context: reply.ReplyContext, meter: Meter) -> None:
        super().__init__(meter)
        self._context = context
        self._index = 0
        self._input_sent = False
        self._uses: list[HostedToolUse] = []

    def _fail(self, error: GatewayError, request_id: str) -> None:
        self._out.append(wire.event(errors.failure(error, request_id)))

    def _start(self, _: Any = None) -> None:
        message = reply.message(self._context, [], reply.first_usage(self._meter), None)
        self._out += (wire.event(shapes.MessageStart(message)), self.PING)

    def _open(self, block: shapes.Block) -> None:
        self._out.append(wire.event(shapes.BlockStart(self._index, block)))

    def _deltas(self, kind: DeltaParts) -> None:
        """The deltas that follow are of this kind."""
        start, middle, self._tail = kind
        self._head = b"%b%d%b" % (start, self._index, middle)

    def _close(self, _: Any = None) -> None:
        self._out.append(wire.event(shapes.BlockStop(self._index)))
        self._index += 1

    def _open_text(self, _: TextDelta) -> None:
        self._open(shapes.Text(""))
        self._deltas(TEXT_DELTA)

    def _text(self, event: TextDelta) -> None:
        self._delta(event.text)

    def _open_thinking(self, _: ThinkingDelta | ThinkingSignature) -> None:
        self._open(shapes.Thinking("", ""))
        self._deltas(THINKING_DELTA)

    def _thinking(self, event: ThinkingDelta) -> None:
        if not self._context.omit_thinking:
            self._delta(event.text)

    def _signature(self, event: ThinkingSignature) -> None:
        self._deltas(SIGNATURE_DELTA)
        self._delta(event.signature)

    def _redacted(self, event: RedactedThinkingBlock) -> None:
        self._open(shapes.RedactedThinking(event.data))

    def _open_call(self, event: ToolStart) -> None:
        self._open(shapes.ToolUse(event.id, event.name, {}))
        self._deltas(INPUT_DELTA)
        self._input_sent = False

    def _input(self, event: ToolInput) -> None:
        self._delta(event.fragment)
        self._input_sent = True

    def _close_call(self, event: ToolEnd) -> None:
        """Some clients read the input from deltas only, so a call without any gets a ``{}``."""
        if event.complete and not self._input_sent:
            self._delta("{}")
        self._close()

    def _hosted_call(self, call: HostedToolStart) -> None:
        """As the API does: the input of the call in a delta."""
        self._open(shapes.ServerToolUse(call.id, call.name, {}))
        self._deltas(INPUT_DELTA)
        self._delta(wire.encode(call.input).decode())
        self._close()

    def _hosted_result(self, use: HostedToolUse) -> None:
        """In one piece."""
        self._uses.append(use)
        self._open(reply.hosted(use)[1])
        self._close()

    def _cited(self, event: CitedText) -> None:
        """A block of its own, as in the API: its text, then each source."""
        self._open(shapes.Text("", []))
        self._deltas(TEXT_DELTA)
        self._delta(event.text)
        for citation in web_search.citations(event):
            delta = shapes.CitationsDelta(citation)
            self._out.append(wire.event(shapes.BlockDelta(self._index, delta)))
        self._close()

    def _summary(self, summary: Summary) -> None:
        """In one delta, as the API sends it."""
        self._open(context_shapes.Compaction(None, self._context.tool_changes))
        delta = context_shapes.CompactionDelta(summary.content)
        self._out.append(wire.event(shapes.BlockDelta(self._index, delta)))

    def _finish(self, event: Finish) -> None:
        used = reply.usage(self._meter, self._uses, shapes.DeltaUsage)
        stopped = reply.stopped(self._context, event)
        delta = shapes.MessageDelta(stopped, used, self._context.management)
        self._out += (wire.event(delta), wire.event(shapes.MessageStop()))

    _BETWEEN: ClassVar[Row] = {
        TextDelta: ((_open_text, _text), State.TEXT),
        ThinkingDelta: ((_open_thinking, _thinking), State.THINKING),
        ThinkingSignature: ((_open_thinking, _signature, _close), State.BETWEEN),
        RedactedThinkingBlock: ((_redacted, _close), State.BETWEEN),
        ToolStart: ((_open_call,), State.CALL),
        HostedToolStart: ((_hosted_call,), State.HOSTED),
        CitedText: ((_cited,), State.BETWEEN),
        Summary: ((_summary, _close), State.BETWEEN),
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
        State.HOSTED: {
            HostedToolUse: ((_hosted_result,), State.BETWEEN),
            Usage: ((), State.HOSTED),
        },
        State.DONE: {},
    }
