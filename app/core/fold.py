"""The whole answer, folded from the very events that a stream is made of, so that the two cannot
differ.

Deliberately absent: limits, estimates and any client's form of an answer.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from .conversation import Part, RedactedThinking, Text, Thinking, ToolCall
from .events import (
    Event,
    Finish,
    RedactedThinkingBlock,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
)
from .lenient_json import decode_object


class Reply(Struct, frozen=True):
    """A finished answer. ``parts`` are Text, Thinking, RedactedThinking and ToolCall, as they were
    said: text behind a tool call is a part of its own. A call whose input was cut off is left out,
    since it must not be run; ``reason`` tells of it.
    """

    parts: tuple[Part, ...]
    reason: StopReason


def fold(events: Iterable[Event]) -> Reply:
    """The answer that these events, up to Finish, say."""
    folder = Folder()
    folder.feed(events)
    return folder.reply()


class Folder:
    """Folds events batch by batch, in the order that :mod:`app.core.events` promises."""

    __slots__ = ("_call", "_parts", "_pieces", "_reason", "_under_way")

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._pieces: list[str] = []
        self._under_way: type[Text | Thinking] | None = None  # the part that the pieces are of
        self._call = ToolStart("", "")
        self._reason: StopReason | None = None

    def feed(self, events: Iterable[Event]) -> None:
        """Take the next events."""
        for event in events:
            _STEPS[type(event)](self, event)

    def reply(self) -> Reply:
        """The answer. Raises ValueError before Finish: an answer without an end is none."""
        if self._reason is None:
            raise ValueError("the events have not come to Finish")
        return Reply(tuple(self._parts), self._reason)

    def _text(self, event: TextDelta) -> None:
        if self._under_way is not Text:
            self._close()
            self._under_way = Text
        self._pieces.append(event.text)

    def _thinking(self, event: ThinkingDelta) -> None:
        if self._under_way is not Thinking:
            self._close()
            self._under_way = Thinking
        self._pieces.append(event.text)

    def _signature(self, event: ThinkingSignature) -> None:
        if self._under_way is not Thinking:
            self._close()
        self._parts.append(Thinking(self._joined(), event.signature))

    def _redacted(self, event: RedactedThinkingBlock) -> None:
        self._close()
        self._parts.append(RedactedThinking(event.data))

    def _tool_start(self, event: ToolStart) -> None:
        self._close()
        self._call = event

    def _tool_input(self, event: ToolInput) -> None:
        self._pieces.append(event.fragment)

    def _tool_end(self, event: ToolEnd) -> None:
        written = self._joined()
        if event.complete:
            arguments = decode_object(written) if written else {}
            self._parts.append(ToolCall(self._call.id, self._call.name, arguments))

    def _skip(self, event: Usage) -> None:
        """Figures are the Meter's, which is fed with the same events."""

    def _finish(self, event: Finish) -> None:
        self._close()
        self._reason = event.reason

    def _close(self) -> None:
        if part := self._under_way:
            self._parts.append(part(self._joined()))

    def _joined(self) -> str:
        """What the pieces say; nothing is under way any more."""
        said = "".join(self._pieces)
        self._pieces.clear()
        self._under_way = None
        return said


_STEPS: dict[type, Callable[[Folder, Any], None]] = {
    TextDelta: Folder._text,
    ThinkingDelta: Folder._thinking,
    ThinkingSignature: Folder._signature,
    RedactedThinkingBlock: Folder._redacted,
    ToolStart: Folder._tool_start,
    ToolInput: Folder._tool_input,
    ToolEnd: Folder._tool_end,
    Usage: Folder._skip,
    Finish: Folder._finish,
}
