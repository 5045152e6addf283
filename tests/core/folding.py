"""The whole answer of a list of events, for tests that have them all at once."""

from collections.abc import Sequence

from app.core.events import Event
from app.core.fold import Reply, ReplyBuilder


def fold(events: Sequence[Event]) -> Reply:
    """The answer of all events up to Finish."""
    builder = ReplyBuilder()
    builder.feed(events)
    return builder.reply()
