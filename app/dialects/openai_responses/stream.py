"""The answer as server-sent events: a state machine over a table.

:attr:`StreamEncoder.TRANSITIONS` says which event each state accepts and what it writes
(:mod:`app.dialects.encoder`).

A failure is told twice: ``error``, at which most readers raise, then ``response.failed``, from
which agents learn whether to try again. Without the first, half an answer would look whole.

Only a complete item gets its ``done`` event. A call that was cut off gets none, and is not in the
response's output: clients run a call that is done, whatever its status says.
"""

from collections.abc import Sequence
from enum import Enum
from itertools import count
from typing import Any, ClassVar

from msgspec import Raw

from app.common.errors import GatewayError
from app.core.conversation import CitedText, HostedToolUse, RedactedThinking, Summary, Thinking
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
from app.dialects import wire
from app.dialects.custom_tools import InputReader
from app.dialects.encoder import OpeningEncoder
from app.dialects.transitions import Row, Table, after
from app.dialects.wire import HOLE, encode

from . import errors, reply, search_shapes, shapes, web_search
from .items import reasoning_content
from .tools import ClientTool, ToolKind

PING = b": ping\n\n"
"""A comment: readers of event streams skip it."""


def _parts(delta: shapes.Delta) -> list[bytes]:
    """The event of a delta: before the text, between text and number, after the number."""
    return wire.cut(wire.event(delta))


_, _BEFORE_NUMBER, _END = _parts(shapes.ArgumentsDelta("", 0, delta=HOLE, sequence_number=HOLE))
DELTA_END = b"%b%%d%b" % (_BEFORE_NUMBER, _END)
"""What follows the text of a delta of any kind: a format for its number."""


CALL_EVENTS: dict[ToolKind, tuple[Any, Any]] = {
    "function": (shapes.ArgumentsDelta, shapes.ArgumentsDone),
    "custom": (shapes.InputDelta, shapes.InputDone),
}
"""The events that tell a call's input in pieces; a search for tools is told whole."""


class State(Enum):
    """How far a stream has come."""

    FRESH = "before the answer"
    BETWEEN = "between items"
    TEXT = "in text"
    THINKING = "in reasoning"
    CALL = "in a tool call"
    HOSTED = "in a search of the web"
    DONE = "after the answer"


class StreamEncoder(OpeningEncoder):
    """Writes one response."""

    FRESH, OPENED, TEXT, DONE = State.FRESH, State.BETWEEN, State.TEXT, State.DONE
    PING = PING

    def __init__(self, context: reply.ReplyContext, meter: Meter) -> None:
        super().__init__(meter)
        self._context = context
        self._options = context.options
        self._number = count().__next__
        self._output: list[bytes] = []  # the items that are done
        self._index = 0  # of the open item, as all that follows
        self._place: tuple[str, int] = ("", 0)  # its id and index
        self._pieces: list[str] = []
        self._citations = web_search.Citations(self._pieces)
        self._call = ToolStart("", "")
        self._tool = ClientTool("")
        self._reader: InputReader | None = None

    def feed(self, events: Sequence[Event]) -> bytes:
        """As in the base class; text is kept until its item is done, and each delta numbered."""
        out, number = self._out, self._number
        for event in events:
            if type(event) is TextDelta and self._state is State.TEXT:
                self._pieces.append(event.text)
                out += (self._head, encode(event.text), DELTA_END % number())
            else:
                self._advance(event)
        return self._taken()

    def _delta(self, text: str) -> None:
        self._out += (self._head, encode(text), DELTA_END % self._number())

    def _deltas(self, kind: shapes.Delta) -> None:
        """The deltas that follow are of this kind."""
        self._head = _parts(kind)[0]

    def _fail(self, error: GatewayError, request_id: str) -> None:
        if self._state is State.FRESH:
            self._start()
        failure = errors.failure(error)
        self._write(
            shapes.StreamError(
                failure.code, failure.message, failure.param, failure, self._number()
            )
        )
        response = reply.unfinished(self._context, self._output, failure)
        self._write(shapes.ResponseFailed(self._number(), response))

    def _write(self, event: shapes.Event) -> None:
        self._out.append(wire.event(event))

    def _start(self, _: Any = None) -> None:
        response: Any = Raw(encode(reply.unfinished(self._context)))  # encoded once for both
        self._write(shapes.ResponseCreated(self._number(), response))
        self._write(shapes.ResponseInProgress(self._number(), response))

    def _finish(self, event: Finish) -> None:
        if part := self._options.refused(event.reason, event.refusal):
            self._refused(part)
        response = reply.finished(self._context, event.reason, self._output, self._meter)
        kind = (
            shapes.ResponseCompleted
            if response.status == "completed"
            else shapes.ResponseIncomplete
        )
        self._write(kind(self._number(), response))
        self._output.clear()

    # Items

    def _open(self, kind: reply.ItemKind) -> None:
        self._place = (self._context.item_id(kind, self._index), self._index)
        self._pieces.clear()

    def _added(self, item: shapes.Item) -> None:
        self._write(shapes.ItemAdded(self._number(), self._index, item))

    def _done(self, item: shapes.Item) -> None:
        encoded = encode(item)
        raw: Any = Raw(encoded)
        self._write(shapes.ItemDone(self._number(), self._index, raw))
        self._output.append(encoded)
        self._index += 1

    # Text

    def _open_text(self, _: Event) -> None:
        self._open("message")
        item_id, index = self._place
        self._added(reply.message_item(item_id, [], "in_progress"))
        self._write(shapes.PartAdded(self._number(), item_id, index, 0, reply.text_part("")))
        self._deltas(shapes.TextDelta(item_id, index, 0, [], HOLE, HOLE))

    def _text(self, event: TextDelta) -> None:
        self._pieces.append(event.text)
        self._delta(event.text)

    def _cited(self, event: CitedText) -> None:
        self._delta(event.text)
        for index, annotation in self._citations.add(event):
            place = (*self._place, 0, index)
            self._write(search_shapes.AnnotationAdded(self._number(), *place, annotation))
        self._pieces.append(event.text)

    def _close_text(self, event: Event) -> None:
        text = "".join(self._pieces)
        self._pieces.clear()
        part = reply.text_part(text, self._citations.taken())
        status: shapes.ItemStatus = "completed"
        if isinstance(event, Finish):
            status, _ = self._options.outcome(event.reason)
        self._write(shapes.TextDone(self._number(), *self._place, 0, text, []))
        self._write(shapes.PartDone(self._number(), *self._place, 0, part))
        self._done(reply.message_item(self._place[0], [part], status))

    # Refusals

    def _refused(self, part: shapes.Part) -> None:
        """A message of its own."""
        if isinstance(part, shapes.OutputText):
            said = TextDelta(part.text)
            self._open_text(said)
            self._text(said)
            self._close_text(said)
            return
        self._open("message")
        place = self._place
        self._added(reply.message_item(place[0], [], "in_progress"))
        self._write(shapes.PartAdded(self._number(), *place, 0, shapes.OutputRefusal("")))
        self._deltas(shapes.RefusalDelta(*place, 0, HOLE, HOLE))
        self._delta(part.refusal)
        self._write(shapes.RefusalDone(self._number(), *place, 0, part.refusal))
        self._write(shapes.PartDone(self._number(), *place, 0, part))
        self._done(reply.message_item(place[0], [part], "completed"))

    # Reasoning

    def _open_thinking(self, _: Event) -> None:
        self._open("reasoning")
        self._added(reply.reasoning_item(self._context, self._place[0], None))

    def _open_summary(self, _: ThinkingDelta) -> None:
        if self._options.summary:
            part = shapes.SummaryText("")
            self._write(shapes.SummaryPartAdded(self._number(), *self._place, 0, part))
            self._deltas(shapes.SummaryDelta(*self._place, 0, HOLE, HOLE))

    def _thinking(self, event: ThinkingDelta) -> None:
        self._pieces.append(event.text)
        if self._options.summary:
            self._delta(event.text)

    def _close_thinking(self, event: Event) -> None:
        text = "".join(self._pieces)
        if text and self._options.summary:
            part = shapes.SummaryText(text)
            self._write(shapes.SummaryDone(self._number(), *self._place, 0, text))
            self._write(shapes.SummaryPartDone(self._number(), *self._place, 0, part))
        signature = event.signature if isinstance(event, ThinkingSignature) else ""
        self._done_reasoning(Thinking(text, signature))

    def _redacted(self, event: RedactedThinkingBlock) -> None:
        self._done_reasoning(RedactedThinking(event.data))

    def _done_reasoning(self, part: reasoning_content.Reasoning) -> None:
        self._done(reply.reasoning_item(self._context, self._place[0], part))

    # Summaries

    def _summary(self, event: Summary) -> None:
        """In one piece; one that could not be had is no item."""
        if event.content is None:
            return
        self._open("compaction")
        self._added(reply.compaction_item(self._place[0], ""))
        self._done(reply.compaction_item(self._place[0], event.content))

    # Calls

    def _open_call(self, event: ToolStart) -> None:
        self._call = event
        tool = self._tool = self._options.client_tool(event.name)
        self._reader = InputReader() if tool.kind == "custom" else None
        self._open(reply.CALL_KINDS[tool.kind])
        self._added(reply.call_item(self._place[0], event.id, tool, "", "in_progress"))
        if events := CALL_EVENTS.get(tool.kind):
            self._deltas(events[0](*self._place, HOLE, HOLE))

    def _input(self, event: ToolInput) -> None:
        self._piece(self._reader.feed(event.fragment) if self._reader else event.fragment)

    def _piece(self, text: str) -> None:
        if text:
            self._pieces.append(text)
            if self._tool.kind in CALL_EVENTS:
                self._delta(text)

    def _close_call(self, event: ToolEnd) -> None:
        if not event.complete:
            self._index += 1
            return
        self._piece(self._unsent())
        given, tool = "".join(self._pieces), self._tool
        if events := CALL_EVENTS.get(tool.kind):
            self._write(events[1](self._number(), *self._place, given))
        self._done(reply.call_item(self._place[0], self._call.id, tool, given, "completed"))

    def _unsent(self) -> str:
        """The input that no delta had. Some clients read a call's input from deltas only, so a
        function call without any gets an empty object there too.
        """
        if self._reader:
            return self._reader.finish()
        return "" if self._pieces else "{}"

    # Searches of the web

    def _searching(self, call: HostedToolStart) -> None:
        self._open("web_search_call")
        self._added(reply.search_item(self._context, self._place[0], call))
        self._write(search_shapes.SearchInProgress(self._number(), *self._place))
        self._write(search_shapes.SearchSearching(self._number(), *self._place))

    def _searched(self, use: HostedToolUse) -> None:
        item = reply.search_item(self._context, self._place[0], use)
        if item.status == "completed":
            self._write(search_shapes.SearchCompleted(self._number(), *self._place))
        self._done(item)

    _BETWEEN: ClassVar[Row] = {
        TextDelta: ((_open_text, _text), State.TEXT),
        ThinkingDelta: ((_open_thinking, _open_summary, _thinking), State.THINKING),
        ThinkingSignature: ((_open_thinking, _close_thinking), State.BETWEEN),
        RedactedThinkingBlock: ((_open_thinking, _redacted), State.BETWEEN),
        ToolStart: ((_open_call,), State.CALL),
        HostedToolStart: ((_searching,), State.HOSTED),
        CitedText: ((_open_text, _cited), State.TEXT),
        Summary: ((_summary,), State.BETWEEN),
        Usage: ((), State.BETWEEN),
        Finish: ((_finish,), State.DONE),
    }
    TRANSITIONS: ClassVar[Table] = {
        State.FRESH: after((_start,), _BETWEEN) | {Usage: ((), State.FRESH)},
        State.BETWEEN: _BETWEEN,
        State.TEXT: after((_close_text,), _BETWEEN)
        | {
            TextDelta: ((_text,), State.TEXT),
            CitedText: ((_cited,), State.TEXT),
            Usage: ((), State.TEXT),
        },
        State.THINKING: after((_close_thinking,), _BETWEEN)
        | {
            ThinkingDelta: ((_thinking,), State.THINKING),
            ThinkingSignature: ((_close_thinking,), State.BETWEEN),
            Usage: ((), State.THINKING),
        },
        State.CALL: {
            ToolInput: ((_input,), State.CALL),
            ToolEnd: ((_close_call,), State.BETWEEN),
            Usage: ((), State.CALL),
        },
        State.HOSTED: {
            HostedToolUse: ((_searched,), State.BETWEEN),
            Usage: ((), State.HOSTED),
        },
        State.DONE: {},
    }
