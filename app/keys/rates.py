"""Requests per minute, counted in a worker's own memory. For all workers of all hosts together they
are counted by ``shared_rates``, whose package is an extra."""

import time
from collections import defaultdict, deque
from math import ceil

from .budgets import Sums
from .key_file import ClientKey
from .limits import MINUTE, RateStatus


class Share:
    """This worker's share of each limit."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def hit(self, key: ClientKey, limit: int) -> RateStatus:
        """Count one request if this worker's share allows it."""
        share, now, times = ceil(limit / self._workers), time.time(), self._times[key.sha256]
        while times and times[0] < now - MINUTE:
            times.popleft()
        allowed = len(times) < share
        if allowed:
            times.append(now)
        return status(allowed, share, len(times), times[-min(share, len(times))])

    def hit_and_read(self, key: ClientKey, limit: int) -> tuple[RateStatus, Sums | None]:
        """As :meth:`hit`: what keys spend is kept elsewhere."""
        return self.hit(key, limit), None

    def take_back(self, key: ClientKey) -> None:
        """Count one request less."""
        if times := self._times[key.sha256]:
            times.pop()

    def close(self) -> None:
        """There is nothing to close."""


def status(allowed: bool, limit: int, count: int, oldest: float) -> RateStatus:
    """``count`` requests are in the minute; ``oldest`` is when the first of the last ``limit`` of
    them came."""
    reset = max(oldest + MINUTE, time.time())
    return RateStatus(allowed, limit, max(limit - count, 0), reset)
