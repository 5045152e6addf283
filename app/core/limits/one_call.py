"""Ends an answer after its first tool call."""

from collections.abc import Sequence

from app.core.events import CONTENT_EVENTS, Event, Finish, ToolEnd

_CONTENT = frozenset(CONTENT_EVENTS)


class OneCall:
    """The answer ends where content follows a complete call. It does not end with the call itself:
    most answers have no more, and would lose what the upstream tells of their costs at the end.
    """

    def __init__(self) -> None:
        self._called = False

    def feed(self, events: Sequence[Event]) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        for index, event in enumerate(events):
            kind = type(event)
            if self._called and kind in _CONTENT:
                return [*events[:index], Finish("tool_use")]
            if kind is ToolEnd and event.complete:  # type: ignore[union-attr]
                self._called = True
        return events

    def flush(self) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        return ()
