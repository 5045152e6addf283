"""Ends an answer that is longer than its client allows, by the gateway's own count."""

from collections.abc import Sequence
from typing import Any

from app.core.events import (
    MANY,
    Event,
    Finish,
    TextDelta,
    ThinkingDelta,
    ToolEnd,
    ToolInput,
    ToolStart,
    only_texts,
)
from app.core.tokens.text import UNIT, Estimator

EXACT = 4096
"""Up to here the cut is at the client's number."""
MARGIN = 8
"""Above it at so many times the number: what the limit allows must not be cut off, and the count is
an estimate. Of the worst sample, which is nothing but ruled lines, it is 5.9 times too high
(docs/counting.md)."""


def allowed(max_tokens: int) -> int:
    """The most that an answer with this limit may have, by the estimator's count."""
    return max_tokens * UNIT * (1 if max_tokens <= EXACT else MARGIN)


class OutputTokens:
    """Text, names and inputs of tool calls count, and with ``with_thinking`` reasoning: it does
    where the client asked for it. A model that thinks unasked must not use up a small limit.

    An answer of exactly the limit is whole. The cut is never inside a character, and a call that is
    cut ends as not complete.
    """

    name = "max_tokens"

    def __init__(self, max_tokens: int, estimator: Estimator, *, with_thinking: bool) -> None:
        self._left = allowed(max_tokens)
        self._estimator, self._most = estimator, estimator.most
        self._uncounted: list[str] = []
        self._may_be = 0  # the most that what is not counted can have
        self._sizes = _SIZES if with_thinking else _SIZES_WITHOUT_THINKING
        self._in_call = False
        self.reached = False

    def feed(self, events: Sequence[Event]) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        in_call = self._in_call
        if len(events) >= MANY and (texts := only_texts(events)):
            text = "".join(texts)
        else:
            sizes, text = self._sizes, ""
            for event in events:
                kind = type(event)
                if name := sizes.get(kind):
                    text += getattr(event, name)
                if kind in _CALLS:
                    in_call = kind is ToolStart
        may_be = self._may_be + len(text) * self._most
        if may_be > self._left:
            return self._passed(events)
        self._uncounted.append(text)
        self._may_be = may_be
        self._in_call = in_call
        return events

    def _passed(self, events: Sequence[Event]) -> Sequence[Event]:
        """What the client gets of events that may go over the limit."""
        sizes = self._sizes
        for index, event in enumerate(events):
            kind = type(event)
            if kind not in sizes:
                self._in_call &= kind is not ToolEnd
                continue
            text: str = getattr(event, sizes[kind])
            if not self._takes(text):
                self.reached = True
                passed = [*events[:index], *_begin(event, self._fitting(text))]
                return [*passed, *self._end(), Finish("max_tokens")]
            self._in_call |= kind is ToolStart
        return events

    def _takes(self, text: str) -> bool:
        """Whether all of ``text`` is within the limit. It is counted only where it may not be, with
        all that came since the last time.
        """
        self._uncounted.append(text)
        self._may_be += len(text) * self._most
        if self._may_be <= self._left:
            return True
        self._left -= self._estimator.texts(self._uncounted)
        self._uncounted.clear()
        self._may_be = 0
        return self._left >= 0

    def _fitting(self, text: str) -> str:
        """The longest beginning of the text that went over the limit which is within it."""
        room = self._left + self._estimator.text(text)
        fits, too_long = 0, len(text)
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if self._estimator.text(text[:middle]) <= room:
                fits = middle
            else:
                too_long = middle
        return text[:fits]

    def _end(self) -> Sequence[Event]:
        return (ToolEnd(complete=False),) if self._in_call else ()

    def flush(self) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        return ()


_CALLS = frozenset({ToolStart, ToolEnd})
_SIZES: dict[type, str] = {
    TextDelta: "text",
    ToolInput: "fragment",
    ToolStart: "name",
    ThinkingDelta: "text",
}
"""The member of an event whose text counts."""
_SIZES_WITHOUT_THINKING = {kind: name for kind, name in _SIZES.items() if kind is not ThinkingDelta}


def _begin(event: Any, text: str) -> Sequence[Event]:
    """The event with no more than ``text``; nothing if that is empty, and nothing of the start of a
    call, which has no parts.
    """
    kind = type(event)
    return (kind(text),) if text and kind is not ToolStart else ()
