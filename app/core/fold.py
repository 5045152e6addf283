"""Builds the whole answer from the same events that make up a stream, so the two cannot differ.

Not here: limits, estimates, and the JSON of any dialect.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from .conversation import (
    CitedText,
    HostedToolUse,
    Part,
    RedactedThinking,
    Summary,
    Text,
    Thinking,
    ToolCall,
)
from .events import (
    MANY,
    Event,
    Finish,
    HostedToolStart,
    RedactedThinkingBlock,
    Refusal,
    StopReason,
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    ToolEnd,
    ToolInput,
    ToolStart,
    Usage,
    only_texts,
)
from .lenient_json import decode_object


class Reply(Struct, frozen=True):
    """A finished answer.

    ``parts`` are Text, CitedText, Thinking, RedactedThinking, ToolCall, HostedToolUse and Summary,
    in the order of the stream; text after a tool call is a separate part. A tool call whose input
    was cut off is left out, since it must not be run; ``reason`` then shows the cut. ``refusal``
    and ``stop_sequence`` as in Finish.
    ``cut``: the answer ended inside its last part, which is a Text, a CitedText or a Thinking.
    """

    parts: tuple[Part, ...]
    reason: StopReason
    refusal: Refusal | None = None
    cut: bool = False
    stop_sequence: str | None = None


class ReplyBuilder:
    """Takes events batch by batch, in the order that :mod:`app.core.events` guarantees."""

    __slots__ = ("_call", "_cut", "_end", "_open", "_parts", "_pieces")

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._pieces: list[str] = []
        self._open: type[Text | Thinking] | None = None  # the part that the pieces belong to
        self._call = ToolStart("", "")
        self._cut = False
        self._end: Finish | None = None

    def feed(self, events: Sequence[Event]) -> None:
        """Take the next events."""
        if len(events) >= MANY and (texts := only_texts(events)):
            self._begin(Text)
            self._pieces += texts
            return
        for event in events:
            _STEPS[type(event)](self, event)

    def reply(self) -> Reply:
        """The answer. Raises ValueError before Finish, since the answer is not complete then."""
        if self._end is None:
            raise ValueError("the answer is not complete: no Finish event was received")
        end = self._end
        return Reply(tuple(self._parts), end.reason, end.refusal, self._cut, end.stop_sequence)

    def _text(self, event: TextDelta) -> None:
        self._begin(Text)
        self._pieces.append(event.text)

    def _thinking(self, event: ThinkingDelta) -> None:
        self._begin(Thinking)
        self._pieces.append(event.text)

    def _signature(self, event: ThinkingSignature) -> None:
        if self._open is not Thinking:
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
        arguments_json = self._joined()
        if event.complete:
            arguments = decode_object(arguments_json) if arguments_json else {}
            self._parts.append(ToolCall(self._call.id, self._call.name, arguments))

    def _whole(self, event: HostedToolUse | CitedText | Summary) -> None:
        self._close()
        self._parts.append(event)

    def _skip(self, event: Usage | HostedToolStart) -> None:
        """The Meter, which is fed with the same events, keeps the usage figures, and what follows
        the start of a hosted call has all of it.
        """

    def _finish(self, event: Finish) -> None:
        is_cited = bool(self._parts) and isinstance(self._parts[-1], CitedText)
        self._cut = self._open is not None or is_cited
        self._close()
        self._end = event

    def _begin(self, part: type[Text | Thinking]) -> None:
        """The pieces that follow belong to such a part."""
        if self._open is not part:
            self._close()
            self._open = part

    def _close(self) -> None:
        if part := self._open:
            self._parts.append(part(self._joined()))

    def _joined(self) -> str:
        """Join and clear the pieces; no part is open after that."""
        text = "".join(self._pieces)
        self._pieces.clear()
        self._open = None
        return text


_STEPS: dict[type, Callable[[ReplyBuilder, Any], None]] = {
    TextDelta: ReplyBuilder._text,
    ThinkingDelta: ReplyBuilder._thinking,
    ThinkingSignature: ReplyBuilder._signature,
    RedactedThinkingBlock: ReplyBuilder._redacted,
    ToolStart: ReplyBuilder._tool_start,
    ToolInput: ReplyBuilder._tool_input,
    ToolEnd: ReplyBuilder._tool_end,
    HostedToolStart: ReplyBuilder._skip,
    HostedToolUse: ReplyBuilder._whole,
    CitedText: ReplyBuilder._whole,
    Summary: ReplyBuilder._whole,
    Usage: ReplyBuilder._skip,
    Finish: ReplyBuilder._finish,
}
