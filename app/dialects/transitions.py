"""The table behind each dialect's stream: which event may come in which state, and what it writes.

Shared by the dialects. An event without a row in the current state is the one protocol error, so an
order that clients cannot read is never written.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, TypeAlias

from app.core.events import Event

Step: TypeAlias = Callable[[Any, Any], None]
"""Writes part of what an event becomes: takes the encoder and the event."""

Row: TypeAlias = dict[type[Event], tuple[tuple[Step, ...], Enum]]
"""The events that one state accepts: for each its steps, and the state after it."""

Table: TypeAlias = Mapping[Any, Row]
"""A row for each state, which is a member of the dialect's own Enum."""


def after(steps: Iterable[Step], row: Row) -> Row:
    """The row of a state in which ``steps`` come before the steps of each event."""
    return {kind: ((*steps, *then), state) for kind, (then, state) in row.items()}
