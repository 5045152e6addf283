"""Ends an answer after its first tool call."""

from collections.abc import Sequence

from app.core.events import CONTENT_EVENTS, Event, Finish, ToolEnd

_CONTENT = frozenset(CONTENT_EVENTS)


class OneCall:
    """The answer ends where content follows a complete call. It does not end with the call itself:
    most answers have no more, and would lose what the upstream tells of their costs at the end.
    After a call that was cut off the reason is ``max_tokens``: clients take calls for complete by
    the reason.
    """

    name = "one_call"

    def __init__(self) -> None:
        self._called = False
        self._has_cut_call = False
        self.reached = False

    def feed(self, events: Sequence[Event]) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        for index, event in enumerate(events):
            kind = type(event)
            if self._called and kind in _CONTENT:
                self.reached = True
                end = Finish("max_tokens" if self._has_cut_call else "tool_use")
                return [*events[:index], end]
            if kind is ToolEnd:
                complete: bool = event.complete  # type: ignore[union-attr]
                self._called |= complete
                self._has_cut_call |= not complete
        return events

    def flush(self) -> Sequence[Event]:
        """As in :class:`.Limit`."""
        return ()
