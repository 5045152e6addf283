"""What the web side needs of an upstream call; the gateway's is the one implementation."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from app.common.errors import GatewayError
from app.core.events import Event
from app.core.usage import Meter


class GatewayCall(Protocol):
    """One conversation with the upstream, its retries included, under way or over."""

    meter: Meter

    @property
    def repairs(self) -> tuple[str, ...]:
        """Names of what was rewritten so that the upstream accepts the request."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """Names of the parts of the request that have no effect."""

    def wait(self, seconds: float) -> bool:
        """Wait for the first content event; False if it has not come after that long. inf: there is
        nothing else to do meanwhile.

        Raises GatewayError if the call has failed.
        """

    def batches(self) -> Iterator[Sequence[Event]]:
        """Events that were read together; an empty sequence at each tick of silence."""

    def retry(self, error: GatewayError) -> bool:
        """Start over after the answer broke off with ``error``; False if that is not allowed."""

    def facts(self) -> dict[str, Any]:
        """Members of the log line that describe the call; ``first_event_at`` is a moment of the
        monotonic clock, present once the first content event has come."""

    def close(self) -> None:
        """End the call if it is still under way. Idempotent."""
