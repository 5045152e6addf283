"""Which events are content, after which a request can no longer be retried."""

from typing import get_args

from app.core.events import CONTENT_EVENTS, Event, Finish, ToolEnd, ToolInput, Usage

NOT_CONTENT = {
    ToolInput,  # follows a ToolStart, which is content
    ToolEnd,
    Usage,
    Finish,
}


def test_every_event_is_content_or_known_not_to_be() -> None:
    assert NOT_CONTENT.isdisjoint(CONTENT_EVENTS)
    assert NOT_CONTENT.union(CONTENT_EVENTS) == set(get_args(Event))
