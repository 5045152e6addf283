"""The state machine that writes an answer as server-sent events. Shared by the dialects.

A dialect subclasses :class:`StreamEncoder` with its states, its table (:mod:`.transitions`) and the
steps that the table names.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Any, ClassVar

from app.common.errors import GatewayError, Kind
from app.core.events import MANY, Event, TextDelta, only_texts
from app.core.usage import Meter

from .transitions import Table
from .wire import encode, encode_lines, one_line


class StreamEncoder:
    """One answer's events as bytes: the same bytes however the events are batched."""

    TRANSITIONS: ClassVar[Table]
    FRESH: ClassVar[Enum]
    """The state before the first event."""
    TEXT: ClassVar[Enum]
    """The state in which a text delta is nothing but its text between ``_head`` and ``_tail``."""
    DONE: ClassVar[Enum]
    """The state after the last event, or after an error: nothing more is written."""
    PING: ClassVar[bytes]

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._state = self.FRESH
        self._head = b""  # what precedes the text of a delta of the open block
        self._tail = b""  # what follows it
        self._out: list[bytes] = []

    def feed(self, events: Sequence[Event]) -> bytes:
        """The bytes of these events; b"" if they write nothing. Raises :class:`GatewayError`
        (``INTERNAL``) for an event that the current state does not accept.
        """
        out, text_state = self._out, self.TEXT
        if len(events) >= MANY and self._state is text_state and (texts := only_texts(events)):
            lines = encode_lines(texts)[:-1]  # JSON has no line end inside a string
            out += (self._head, lines.replace(b"\n", self._tail + self._head), self._tail)
            return self._taken()
        for event in events:
            if type(event) is TextDelta and self._state is text_state:
                out += (self._head, encode(event.text), self._tail)
            else:
                self._advance(event)
        return self._taken()

    def ping(self) -> bytes:
        """A sign of life that clients skip; b"" once the answer is complete."""
        return b"" if self._state is self.DONE else self.PING

    def error(self, error: GatewayError, request_id: str) -> bytes:
        """The dialect's error event, after which nothing is written; b"" once the answer is
        complete.
        """
        if self._state is self.DONE:
            return b""
        self._fail(error, request_id)
        self._state = self.DONE
        return self._taken()

    def _fail(self, error: GatewayError, request_id: str) -> None:
        """Write the error event."""
        raise NotImplementedError

    def _advance(self, event: Event) -> None:
        try:
            steps, state = self.TRANSITIONS[self._state][type(event)]
        except KeyError:
            raise GatewayError(
                Kind.INTERNAL,
                f"The answer's events are out of order: {type(event).__name__} {self._state.value}",
            ) from None
        for step in steps:
            step(self, event)
        self._state = state

    def _delta(self, text: str) -> None:
        self._out += (self._head, encode(text), self._tail)

    def _taken(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data if data.isascii() else one_line(data)


class OpeningEncoder(StreamEncoder):
    """An encoder whose stream opens with an event of its own, which a ping brings forward."""

    OPENED: ClassVar[Enum]
    """The state after that event."""

    def ping(self) -> bytes:
        """As in the base class; a ping before the first event opens the stream."""
        if self._state is not self.FRESH:
            return super().ping()
        self._start()
        self._state = self.OPENED
        return self._taken()

    def _start(self, _: Any = None) -> None:
        """Write the opening event."""
        raise NotImplementedError
