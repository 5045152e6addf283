"""The table behind each dialect's stream: which event may come in which state, and what then.

No dialect itself. An event that has no row is the one protocol error, so an order that clients
choke on cannot be written.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from app.core.events import Event
from app.errors import GatewayError, Kind

State = TypeVar("State", bound=Enum)

Step: TypeAlias = Callable[[Any, Any], None]
"""Writes something of an event: takes the encoder and the event."""

Row: TypeAlias = dict[type[Event], tuple[tuple[Step, ...], State]]
"""What may come in one state: the steps of each event, and the state after it."""


def after(steps: Iterable[Step], row: Row[State]) -> Row[State]:
    """The row of a state in which ``steps`` must be taken before any of its own."""
    return {kind: ((*steps, *then), state) for kind, (then, state) in row.items()}


def transition(
    table: Mapping[State, Row[State]], state: State, event: Event
) -> tuple[tuple[Step, ...], State]:
    """What an event asks for. Raises :class:`GatewayError` (``INTERNAL``) when it may not come."""
    try:
        return table[state][type(event)]
    except KeyError:
        kind = type(event).__name__
        raise GatewayError(
            Kind.INTERNAL, f"The answer's events are out of order: {kind} {state.value}"
        ) from None
