"""Requests per minute, counted by the ``limits`` library in one of its stores.

Loaded only if a client key can have such a limit: the library loads asyncio and more, 3 MB that
other installations do not need. Redis is in ``shared_rates``, since its packages are an extra.
"""

from math import ceil
from time import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from .key_file import ClientKey
from .limits import RateStatus


class Window:
    """The requests of the last minute, in a store of the ``limits`` library."""

    def __init__(self, storage: Storage) -> None:
        self._limiter = MovingWindowRateLimiter(storage)

    def hit(self, key: ClientKey, limit: int) -> RateStatus:
        """Count one request if the limit allows it. Raises what the store raises."""
        item = RateLimitItemPerMinute(limit, namespace="kiro2api")
        identity = key.sha256[
            :16
        ]  # gateways that share a store may give one name to different keys
        allowed = self._limiter.hit(item, identity)
        reset, remaining = self._limiter.get_window_stats(item, identity)
        return RateStatus(allowed, limit, max(remaining, 0), max(reset, time()))


class Share:
    """This worker's share of each limit, counted in its own memory."""

    def __init__(self, workers: int) -> None:
        self._window = Window(MemoryStorage())
        self._workers = workers

    def hit(self, key: ClientKey, limit: int) -> RateStatus:
        """Count one request if this worker's share allows it."""
        return self._window.hit(key, ceil(limit / self._workers))
