"""What the keys have spent, for all workers of all hosts, in the Redis or Valkey server of
``KIRO_TOKEN_STORE``.

Keys: ``kiro2api:spent:<name>:<period>:<day>`` is an amount,
``kiro2api:spent:<name>:second:<minute>`` a hash of amounts by second, and
``kiro2api:spent-once:<identity>`` is there for a charge that was taken.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from .budgets import MINUTE, Place, Sums, places
from .ledger import KEPT_DAYS, Charge

_PREFIX = "kiro2api:spent"
_TIMEOUT = 0.5
_KEEP = KEPT_DAYS * 86400
_DOUBT = 3600  # seconds for which a charge may be made again

_ADD = """
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then return 0 end
for n = 2, #KEYS do
  local field, amount, keep = ARGV[3 * n - 4], ARGV[3 * n - 3], ARGV[3 * n - 2]
  if field == '' then redis.call('INCRBY', KEYS[n], amount)
  else redis.call('HINCRBY', KEYS[n], field, amount) end
  redis.call('EXPIRE', KEYS[n], keep)
end
return 1
"""


class RedisLedger:
    """A :class:`~.ledger.Ledger` in Redis. Its calls give way to other greenlets."""

    errors: tuple[type[Exception], ...] = (RedisError, OSError)

    def __init__(self, url: str) -> None:
        """Does not connect yet. Raises ValueError for a URL that redis-py rejects."""
        self._redis: Any = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def read(self, name: str, now: float) -> Sums:
        pipe = self._redis.pipeline(transaction=False)
        _ask(pipe, name, now)
        return _read(pipe.execute(), now)

    def add(self, charges: Sequence[Charge], now: float) -> Mapping[str, Sums]:
        names = list(dict.fromkeys(one.name for one in charges))
        pipe = self._redis.pipeline(transaction=False)
        for one in charges:
            rows = [_row(one.name, place, amount) for place, amount in one.amounts.items()]
            keys = [f"{_PREFIX}-once:{one.identity}", *(row[0] for row in rows)]
            pipe.eval(_ADD, len(keys), *keys, _DOUBT, *(part for row in rows for part in row[1:]))
        for name in names:
            _ask(pipe, name, now)
        told = pipe.execute()[len(charges) :]
        size = len(told) // len(names)
        return {
            name: _read(told[at * size : (at + 1) * size], now) for at, name in enumerate(names)
        }

    def close(self) -> None:
        with contextlib.suppress(RedisError):
            self._redis.close()


def _row(name: str, place: Place, amount: int) -> tuple[str, int | str, int, int]:
    """The key, the field in it ("" for none), the amount, and the seconds that it is kept."""
    period, at = place
    if period == "second":
        return _minute(name, at), at, amount, 3 * MINUTE
    return f"{_PREFIX}:{name}:{period}:{at}", "", amount, _KEEP


def _minute(name: str, second: int) -> str:
    return f"{_PREFIX}:{name}:second:{second // MINUTE}"


def _ask(pipe: Any, name: str, now: float) -> None:
    pipe.mget([f"{_PREFIX}:{name}:{period}:{at}" for period, at in places(now).values()])
    for second in (int(now) - MINUTE, int(now)):
        pipe.hgetall(_minute(name, second))


def _read(told: Sequence[Any], now: float) -> Sums:
    return dict(_amounts(told, now))


def _amounts(told: Sequence[Any], now: float) -> Iterator[tuple[Place, int]]:
    for place, amount in zip(places(now).values(), told[0], strict=True):
        if amount is not None:
            yield place, int(amount)
    for minute in told[1:]:
        for second, amount in minute.items():
            yield ("second", int(second)), int(amount)
