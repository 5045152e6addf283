"""Ends an answer that is longer than its client allows, by the gateway's own count."""

from collections.abc import Sequence
from typing import Any

from app.core.events import (
    Event,
    Finish,
    TextDelta,
    ThinkingDelta,
    ToolEnd,
    ToolInput,
    ToolStart,
)
from app.core.tokens import BYTES_PER_TOKEN, byte_length

EXACT = 4096
"""Up to here the cut is at the client's number."""
MARGIN = 4
"""Above it at so many times the number. The count is an estimate, and text of few tokens may have
many bytes: what the limit allows must not be cut off."""


def allowed_bytes(max_tokens: int) -> int:
    """The most bytes of UTF-8 that an answer with this limit may have."""
    return int(max_tokens * BYTES_PER_TOKEN) * (1 if max_tokens <= EXACT else MARGIN)


class OutputTokens:
    """Text, names and inputs of tool calls count, and with ``with_thinking`` reasoning: it does
    where the client asked for it. A model that thinks unasked must not use up a small limit.

    An answer of exactly the limit is whole. The cut is never inside a character, and a call that is
    cut ends as not complete.
    """

    name = "max_tokens"

    def __init__(self, max_tokens: int, *, with_thinking: bool) -> None:
        self._left = allowed_bytes(max_tokens)
        self._sizes = _SIZES if with_thinking else _SIZES_WITHOUT_THINKING
        self._in_call = False
        self.reached = False

    def feed(self, events: Sequence[Event]) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        sizes, left = self._sizes, self._left
        for index, event in enumerate(events):
            kind = type(event)
            if kind is TextDelta:
                text: str = event.text  # type: ignore[union-attr]
            elif kind in sizes:
                text = getattr(event, sizes[kind])
            else:
                self._in_call &= kind is not ToolEnd
                continue
            left -= len(text) if text.isascii() else byte_length(text)
            if left < 0:
                self.reached = True
                passed = [*events[:index], *_begin(event, text, left)]
                return [*passed, *self._end(), Finish("max_tokens")]
            self._in_call |= kind is ToolStart
        self._left = left
        return events

    def _end(self) -> Sequence[Event]:
        return (ToolEnd(complete=False),) if self._in_call else ()

    def flush(self) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        return ()


_SIZES: dict[type, str] = {
    TextDelta: "text",
    ToolInput: "fragment",
    ToolStart: "name",
    ThinkingDelta: "text",
}
"""The member of an event whose bytes count."""
_SIZES_WITHOUT_THINKING = {kind: name for kind, name in _SIZES.items() if kind is not ThinkingDelta}


def _begin(event: Any, text: str, over: int) -> Sequence[Event]:
    """The event without its last bytes, of which ``-over`` are too many; none if nothing is left,
    and none of the start of a call, which has no parts.
    """
    kind = type(event)
    if kind is ToolStart:
        return ()
    encoded = text.encode("utf-8", "surrogatepass")
    end = len(encoded) + over
    while end > 0 and encoded[end] & 0xC0 == 0x80:  # inside a character
        end -= 1
    return (kind(encoded[:end].decode("utf-8", "surrogatepass")),) if end > 0 else ()
