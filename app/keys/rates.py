"""Requests per minute counted by the ``limits`` library, in a store of its own kind.

Loaded only where a client key may have such a limit: the library brings asyncio and more with it,
3 MB that nobody else needs. Absent on purpose: Redis (``shared_rates``), whose packages are an
extra.
"""

from math import ceil
from time import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from .key_file import ClientKey
from .limits import Standing


class Window:
    """The requests of the last minute, in a store of the ``limits`` library."""

    def __init__(self, storage: Storage) -> None:
        self._limiter = MovingWindowRateLimiter(storage)

    def hit(self, key: ClientKey, limit: int) -> Standing:
        """Count one if the limit allows it. Raises what the store raises."""
        item = RateLimitItemPerMinute(limit, namespace="kiro2api")
        identity = key.sha256[:16]  # as many keys may have one name as there are gateways
        allowed = self._limiter.hit(item, identity)
        reset, remaining = self._limiter.get_window_stats(item, identity)
        return Standing(allowed, limit, max(remaining, 0), max(reset, time()))


class Share:
    """This worker's part of each limit, counted in its own memory."""

    def __init__(self, workers: int) -> None:
        self._window = Window(MemoryStorage())
        self._workers = workers

    def hit(self, key: ClientKey, limit: int) -> Standing:
        """Count one if this worker's part allows it."""
        return self._window.hit(key, ceil(limit / self._workers))
