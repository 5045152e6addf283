"""The answer as server-sent events: a state machine over a table.

Which event may come in which state, and what is written then, is :attr:`StreamEncoder.TRANSITIONS`
(:mod:`app.dialects.transitions`).

An item is done only when it is whole. A call that was cut off begins and is never done, nor is it
in the response's output: clients run what is done, whatever its status says.
"""

from collections.abc import Sequence
from enum import Enum
from itertools import count
from typing import Any, ClassVar

from msgspec import Raw

from app.core.conversation import RedactedThinking, Thinking
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
from app.dialects.encoder import OpeningEncoder
from app.dialects.transitions import Row, Table, after
from app.dialects.wire import encode
from app.errors import GatewayError

from . import errors, reasoning_content, reply, sse
from .custom_input import InputReader
from .tools import Callee


class State(Enum):
    """Where in its answer a stream stands."""

    FRESH = "before the answer"
    BETWEEN = "between items"
    TEXT = "in text"
    THINKING = "in reasoning"
    CALL = "in a tool call"
    DONE = "after the answer"


class StreamEncoder(OpeningEncoder):
    """Writes one response."""

    FRESH, OPENED, TEXT, DONE = State.FRESH, State.BETWEEN, State.TEXT, State.DONE
    PING = sse.PING

    def __init__(self, answer: reply.Answer, meter: Meter) -> None:
        super().__init__(meter)
        self._answer = answer
        self._form = answer.form
        self._number = count().__next__
        self._output: list[bytes] = []  # the items that are done
        self._index = 0  # of the open item, as all that follows
        self._item_id = ""
        self._place: dict[str, Any] = {}
        self._pieces: list[str] = []
        self._call = ToolStart("", "")
        self._callee = Callee("")
        self._reader: InputReader | None = None

    def feed(self, events: Sequence[Event]) -> bytes:
        """As in the base class; text is kept until its item is done, and each delta numbered."""
        out, end, number = self._out, sse.DELTA_END, self._number
        for event in events:
            if type(event) is TextDelta and self._state is State.TEXT:
                self._pieces.append(event.text)
                out += (self._head, encode(event.text), end % number())
            else:
                self._advance(event)
        return self._taken()

    def _delta(self, text: str) -> None:
        self._out += (self._head, encode(text), sse.DELTA_END % self._number())

    def _fail(self, error: GatewayError, request_id: str) -> None:
        if self._state is State.FRESH:
            self._start()
        response = reply.shell(self._answer, "failed", self._output)
        self._write("response.failed", response=response | {"error": errors.failure(error)})

    def _write(self, name: str, **members: Any) -> None:
        self._out.append(sse.event(name, self._number(), **members))

    def _start(self, _: Any = None) -> None:
        response = Raw(encode(reply.shell(self._answer, "in_progress")))
        self._write("response.created", response=response)
        self._write("response.in_progress", response=response)

    def _finish(self, event: Finish) -> None:
        response = reply.finished(self._answer, event.reason, self._output, self._meter)
        self._write(f"response.{response['status']}", response=response)

    # Items

    def _open(self, kind: str) -> None:
        self._item_id = self._answer.item_id(kind, self._index)
        self._place = {"item_id": self._item_id, "output_index": self._index}
        self._pieces.clear()

    def _added(self, item: dict[str, Any]) -> None:
        self._write("response.output_item.added", output_index=self._index, item=item)

    def _done(self, item: dict[str, Any]) -> None:
        encoded = encode(item)
        self._write("response.output_item.done", output_index=self._index, item=Raw(encoded))
        self._output.append(encoded)
        self._index += 1

    # Text

    def _open_text(self, _: TextDelta) -> None:
        self._open("message")
        self._place["content_index"] = 0
        self._added(reply.message_item(self._item_id, [], "in_progress"))
        self._write("response.content_part.added", **self._place, part=reply.text_part(""))
        self._head = sse.delta_head("response.output_text.delta", **self._place, logprobs=[])

    def _text(self, event: TextDelta) -> None:
        self._pieces.append(event.text)
        self._delta(event.text)

    def _close_text(self, _: Event) -> None:
        text = "".join(self._pieces)
        part = reply.text_part(text)
        self._write("response.output_text.done", **self._place, text=text, logprobs=[])
        self._write("response.content_part.done", **self._place, part=part)
        self._done(reply.message_item(self._item_id, [part], "completed"))

    # Reasoning

    def _open_thinking(self, _: Event) -> None:
        self._open("reasoning")
        self._added(reply.reasoning_item(self._form, self._item_id, None))

    def _open_summary(self, _: ThinkingDelta) -> None:
        if self._form.summary:
            self._place["summary_index"] = 0
            part = reply.summary_part("")
            self._write("response.reasoning_summary_part.added", **self._place, part=part)
            self._head = sse.delta_head("response.reasoning_summary_text.delta", **self._place)

    def _thinking(self, event: ThinkingDelta) -> None:
        self._pieces.append(event.text)
        if self._form.summary:
            self._delta(event.text)

    def _close_thinking(self, event: Event) -> None:
        text = "".join(self._pieces)
        if text and self._form.summary:
            part = reply.summary_part(text)
            self._write("response.reasoning_summary_text.done", **self._place, text=text)
            self._write("response.reasoning_summary_part.done", **self._place, part=part)
        signature = event.signature if isinstance(event, ThinkingSignature) else ""
        self._done_reasoning(Thinking(text, signature))

    def _redacted(self, event: RedactedThinkingBlock) -> None:
        self._done_reasoning(RedactedThinking(event.data))

    def _done_reasoning(self, part: reasoning_content.Reasoning) -> None:
        self._done(reply.reasoning_item(self._form, self._item_id, part))

    # Calls

    def _open_call(self, event: ToolStart) -> None:
        self._call = event
        callee = self._callee = self._form.callee(event.name)
        self._reader = InputReader() if callee.custom else None
        self._open(reply.call_kind(callee))
        self._added(reply.call_item(self._item_id, event.id, callee, "", "in_progress"))
        self._head = sse.delta_head(f"{_input_event(callee)}.delta", **self._place)

    def _input(self, event: ToolInput) -> None:
        text = self._reader.feed(event.fragment) if self._reader else event.fragment
        if text:
            self._pieces.append(text)
            self._delta(text)

    def _close_call(self, event: ToolEnd) -> None:
        if not event.complete:
            self._index += 1
            return
        if rest := self._untold():
            self._pieces.append(rest)
            self._delta(rest)
        given, callee = "".join(self._pieces), self._callee
        member = "input" if callee.custom else "arguments"
        self._write(f"{_input_event(callee)}.done", **self._place, **{member: given})
        self._done(reply.call_item(self._item_id, self._call.id, callee, given, "completed"))

    def _untold(self) -> str:
        """What no fragment told. Some clients take a call's input from deltas alone: a function's
        without any is an empty object there too.
        """
        if self._reader:
            return self._reader.finish()
        return "" if self._pieces else "{}"

    _BETWEEN: ClassVar[Row] = {
        TextDelta: ((_open_text, _text), State.TEXT),
        ThinkingDelta: ((_open_thinking, _open_summary, _thinking), State.THINKING),
        ThinkingSignature: ((_open_thinking, _close_thinking), State.BETWEEN),
        RedactedThinkingBlock: ((_open_thinking, _redacted), State.BETWEEN),
        ToolStart: ((_open_call,), State.CALL),
        Usage: ((), State.BETWEEN),
        Finish: ((_finish,), State.DONE),
    }
    TRANSITIONS: ClassVar[Table] = {
        State.FRESH: after((_start,), _BETWEEN) | {Usage: ((), State.FRESH)},
        State.BETWEEN: _BETWEEN,
        State.TEXT: after((_close_text,), _BETWEEN)
        | {TextDelta: ((_text,), State.TEXT), Usage: ((), State.TEXT)},
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
        State.DONE: {},
    }


def _input_event(callee: Callee) -> str:
    kind = "custom_tool_call_input" if callee.custom else "function_call_arguments"
    return f"response.{kind}"
