"""How many answers may be in progress in this worker, ``KIRO_MAX_STREAMS``.

A request that finds no place waits for one, but only for a moment: among very many answers one ends
soon, and among few a wait would be long, which is the client's to decide. Then it is refused, while
everything that asks for no answer of a model is served as ever.
"""

from collections.abc import Callable
from random import randint

from gevent.lock import Semaphore

from app.errors import GatewayError, Kind

from .lifecycle import Live

LONGEST_WAIT = 0.02
"""Seconds. A refusal must be with its client in 50 ms; the time also bounds how many wait."""

COME_BACK = (1, 4)
"""Seconds, at least and at most, so that those refused together do not come back together."""


class Admission:
    """The places of one worker, for all its greenlets."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._places = Semaphore(limit)

    def enter(self, live: Live) -> Callable[[], object]:
        """Take a place; call what this gives, once, when the answer is over.

        Raises GatewayError: OVERLOADED without a place, and what interrupts ``live`` meanwhile.
        """
        free = self._places.acquire(blocking=False)
        if not free and not live.run(self._places.acquire, True, LONGEST_WAIT):
            raise GatewayError(
                Kind.OVERLOADED,
                f"The gateway is busy: {self._limit} answers are in progress in this worker, which "
                "is KIRO_MAX_STREAMS. Try again in a moment.",
                retry_after=randint(*COME_BACK),  # nosec B311 # no secret
            )
        return self._places.release
