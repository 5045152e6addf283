"""Requests per minute counted in Redis or Valkey, for all workers of all hosts together.

While the server cannot be reached, each worker counts its own share and tries again after a few
seconds: a limit that cannot be counted exactly is no reason to refuse all requests.

``kiro2api:requests:<identity>`` is a list of the times of a key's requests, the last one first.
"""

import logging
from collections.abc import Callable, Sequence
from time import monotonic, time
from typing import Any

from .budgets import MINUTE, Sums
from .key_file import ClientKey
from .limits import Rates, RateStatus
from .rates import status
from .redis_ledger import READ, sum_keys, sums
from .redis_scripts import ERRORS, RedisScripts, Script

log = logging.getLogger("kiro2api.keys")

_AVOID = 5.0

_HIT = Script(
    READ
    + f"""
local times, now, limit = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local first = redis.call('LINDEX', times, -1)
while first and tonumber(first) < now - {MINUTE} do
  redis.call('RPOP', times)
  first = redis.call('LINDEX', times, -1)
end
local count, allowed = redis.call('LLEN', times), 0
if count < limit then
  count, allowed = redis.call('LPUSH', times, ARGV[1]), 1
  redis.call('EXPIRE', times, {MINUTE} + 1)
end
local oldest = redis.call('LINDEX', times, math.min(limit, count) - 1)
local told = allowed .. ' ' .. count .. ' ' .. oldest  -- each value of a table costs a reader more
return #KEYS > 1 and {{told, read(2)}} or told
"""
)
_TAKE_BACK = Script("return redis.call('LPOP', KEYS[1])")


class SharedRates:
    """``share`` counts while the server cannot be reached."""

    def __init__(self, url: str, share: Rates, *, clock: Callable[[], float] = monotonic) -> None:
        """Connects to nothing yet. Raises ValueError for a URL that redis-py does not take."""
        self._scripts = RedisScripts(url)
        self._share = share
        self._clock = clock
        self._away_until = 0.0
        self._is_away = False

    def hit(self, key: ClientKey, limit: int) -> RateStatus:
        """Count one request if the limit allows it."""
        told = self._run(_HIT, [_times(key)], time(), limit)
        return self._share.hit(key, limit) if told is None else _status(told, limit)

    def hit_and_read(self, key: ClientKey, limit: int) -> tuple[RateStatus, Sums | None]:
        """As :meth:`hit`, and what the key has spent, in one call."""
        now = time()
        told = self._run(_HIT, [_times(key), *sum_keys(key.name, now)], now, limit)
        if told is None:
            return self._share.hit_and_read(key, limit)
        return _status(told[0], limit), sums(told[1], now)

    def take_back(self, key: ClientKey) -> None:
        """Count one request less."""
        if self._run(_TAKE_BACK, [_times(key)]) is None:
            self._share.take_back(key)

    def close(self) -> None:
        """Idempotent."""
        self._scripts.close()

    def _run(self, script: Script, keys: Sequence[str], *arguments: float) -> Any:
        """None while the server cannot be used."""
        if self._clock() < self._away_until:
            return None
        try:
            told = self._scripts.run(script, keys, arguments)
        except ERRORS as error:
            self._away_until = self._clock() + _AVOID
            self._report(error)
            return None
        self._report(None)
        return told

    def _report(self, problem: Exception | None) -> None:
        if self._is_away == (problem is not None):
            return
        self._is_away = problem is not None
        if problem is not None:
            log.error(
                "KIRO_TOKEN_STORE cannot be used (%s); each worker counts its own share of the "
                "keys' limits",
                problem,
            )
        else:
            log.info("KIRO_TOKEN_STORE can be used again; the keys' limits are exact")


def _times(key: ClientKey) -> str:
    # gateways that share a store may give one name to different keys
    return f"kiro2api:requests:{key.sha256[:16]}"


def _status(told: str, limit: int) -> RateStatus:
    allowed, count, oldest = told.split()
    return status(allowed == "1", limit, int(count), float(oldest))
