"""Requests per minute counted in Redis or Valkey, for all workers of all hosts together.

While the server cannot be reached, each worker counts its own share and tries again after a few
seconds: a limit that cannot be counted exactly is no reason to refuse all requests.
"""

import logging
from collections.abc import Callable
from time import monotonic

from limits.errors import StorageError
from limits.storage import RedisStorage
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.retry import Retry

from .key_file import ClientKey
from .limits import Rates, RateStatus
from .rates import Window

log = logging.getLogger("kiro2api.keys")

_TIMEOUT = 0.5
_AVOID = 5.0


class SharedRates:
    """``share`` counts while the server cannot be reached."""

    def __init__(self, url: str, share: Rates, *, clock: Callable[[], float] = monotonic) -> None:
        """Connects to nothing yet. Raises ValueError for a URL that redis-py does not take."""
        pool = ConnectionPool.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self._window = Window(RedisStorage(url, pool, "kiro2api:rate", wrap_exceptions=True))
        self._share = share
        self._clock = clock
        self._away_until = 0.0
        self._is_away = False

    def hit(self, key: ClientKey, limit: int) -> RateStatus:
        """Count one request if the limit allows it."""
        if self._clock() < self._away_until:
            return self._share.hit(key, limit)
        try:
            status = self._window.hit(key, limit)
        except StorageError as error:
            self._away_until = self._clock() + _AVOID
            self._report(error)
            return self._share.hit(key, limit)
        self._report(None)
        return status

    def _report(self, problem: StorageError | None) -> None:
        if self._is_away == (problem is not None):
            return
        self._is_away = problem is not None
        if problem is not None:
            log.error(
                "KIRO_TOKEN_STORE cannot be used (%s); each worker counts its own share of the "
                "keys' limits",
                problem.storage_error,
            )
        else:
            log.info("KIRO_TOKEN_STORE can be used again; the keys' limits are exact")
