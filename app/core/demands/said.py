"""Remembers what the model says, in little more memory than its text takes.

A stream has thousands of small events, and a worker a thousand streams: as they are, the events
would take ten times the memory of their text.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, groupby
from operator import attrgetter
from typing import Any

from app.core.conversation import Part
from app.core.events import Event, TextDelta, ThinkingDelta, ToolInput
from app.core.fold import ReplyBuilder

MOST_BATCHES = 64
"""Of which the events are kept as they came."""

_TEXTS: dict[type, Callable[[Any], str]] = {
    TextDelta: attrgetter("text"),
    ThinkingDelta: attrgetter("text"),
    ToolInput: attrgetter("fragment"),
}
"""Events that may be joined with others of their type, and their text."""


class Said:
    """All events of one answer."""

    __slots__ = ("_batches", "_events")

    def __init__(self) -> None:
        self._events: list[Event] = []  # joined
        self._batches: list[Sequence[Event]] = []

    def add(self, batch: Sequence[Event]) -> None:
        """Remember the next events."""
        self._batches.append(batch)
        if len(self._batches) > MOST_BATCHES:
            self._events += joined(chain.from_iterable(self._batches))
            self._batches.clear()

    def parts(self) -> tuple[Part, ...]:
        """The parts of an answer that has ended."""
        builder = ReplyBuilder()
        builder.feed(self._events)
        for batch in self._batches:
            builder.feed(batch)
        return builder.reply().parts


def joined(events: Iterable[Event]) -> Iterator[Event]:
    """The events with one piece in place of pieces that follow each other."""
    for kind, run in groupby(events, type):
        if kind in _TEXTS:
            piece: Any = kind
            yield piece("".join(map(_TEXTS[kind], run)))
        else:
            yield from run
