"""How many answers may be in progress in this worker, ``KIRO_MAX_STREAMS``.

A request that finds no place waits for one, but only for a moment: among very many answers one ends
soon; among few the wait would be long, and whether to wait is the client's decision. Then it is
refused. Requests that call no model need no place.
"""

from collections.abc import Callable
from random import randint

from gevent.lock import Semaphore

from app.common.errors import GatewayError, Kind

from .lifecycle import Live

LONGEST_WAIT = 0.02
"""Seconds. A refusal must reach its client within 50 ms; this also bounds how many wait."""

RETRY_AFTER = (1, 4)
"""Seconds, at least and at most, so that clients refused together do not return together."""


class Admission:
    """The places of one worker, for all its greenlets. ``waiting``: requests that wait for one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._places = Semaphore(limit)
        self.waiting = 0

    def enter(self, live: Live) -> Callable[[], object]:
        """Take a place; call the result, once, when the answer is over.

        Raises GatewayError: OVERLOADED without a place, and the error of an interrupt of ``live``.
        """
        free = self._places.acquire(blocking=False)
        if not free and not self._wait(live):
            raise GatewayError(
                Kind.OVERLOADED,
                f"The gateway is busy: {self._limit} answers are in progress in this worker, which "
                "is KIRO_MAX_STREAMS. Try again in a moment.",
                retry_after=randint(*RETRY_AFTER),  # nosec B311 # not a secret
            )
        return self._places.release

    def _wait(self, live: Live) -> bool:
        self.waiting += 1
        try:
            return live.run(self._places.acquire, True, LONGEST_WAIT)
        finally:
            self.waiting -= 1
