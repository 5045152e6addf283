"""What the keys have spent, for all workers of all hosts, in the Redis or Valkey server of
``KIRO_TOKEN_STORE``.

Keys: ``kiro2api:spent:<name>:<period>:<day>`` is an amount,
``kiro2api:spent:<name>:second:<minute>`` a hash of amounts by second, and
``kiro2api:spent-once:<identity>`` is there for a charge that was taken.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .budgets import MINUTE, Place, Sums, places
from .ledger import KEPT_DAYS, Charge
from .redis_scripts import ERRORS, Argument, RedisScripts, Script

_PREFIX = "kiro2api:spent"
_KEEP = KEPT_DAYS * 86400
_DOUBT = 3600  # seconds for which a charge may be made again

READ = """
local function read(at)  -- what is kept under the keys of `sum_keys`, which begin there
  return {redis.call('MGET', KEYS[at], KEYS[at + 1], KEYS[at + 2]),
          redis.call('HGETALL', KEYS[at + 3]), redis.call('HGETALL', KEYS[at + 4])}
end
"""
"""The part of a script that reads :func:`sums`."""

_READ = Script(READ + "return read(1)")

_ADD = Script(
    READ
    + """
local key, row = 1, 3  -- ARGV: how long a charge is known, how many there are, their rows
local function take(rows, is_new)
  for n = 1, rows do
    if is_new then
      local field, amount = ARGV[row], ARGV[row + 1]
      if field == '' then redis.call('INCRBY', KEYS[key], amount)
      else redis.call('HINCRBY', KEYS[key], field, amount) end
      redis.call('EXPIRE', KEYS[key], ARGV[row + 2])
    end
    key, row = key + 1, row + 3
  end
end
for charge = 1, ARGV[2] do
  local is_new = redis.call('SET', KEYS[key], 1, 'NX', 'EX', ARGV[1])
  key, row = key + 1, row + 1
  take(ARGV[row - 1], is_new)
end
local told = {}
while key < #KEYS do
  told[#told + 1] = read(key)
  key = key + 5
end
return told
"""
)


class RedisLedger:
    """A :class:`~.ledger.Ledger` in Redis. Its calls give way to other greenlets."""

    errors = ERRORS

    def __init__(self, url: str) -> None:
        """Does not connect yet. Raises ValueError for a URL that redis-py rejects."""
        self._scripts = RedisScripts(url)

    def read(self, name: str, now: float) -> Sums:
        return sums(self._scripts.run(_READ, sum_keys(name, now)), now)

    def add(self, charges: Sequence[Charge], now: float) -> Mapping[str, Sums]:
        keys: list[str] = []
        arguments: list[Argument] = [_DOUBT, len(charges)]
        for one in charges:
            keys.append(f"{_PREFIX}-once:{one.identity}")
            arguments.append(len(one.amounts))
            for place, amount in one.amounts.items():
                key, *row = _row(one.name, place, amount)
                keys.append(key)
                arguments += row
        names = list(dict.fromkeys(one.name for one in charges))
        for name in names:
            keys += sum_keys(name, now)
        told = self._scripts.run(_ADD, keys, arguments)
        return {name: sums(one, now) for name, one in zip(names, told, strict=True)}

    def close(self) -> None:
        self._scripts.close()


def sum_keys(name: str, now: float) -> list[str]:
    """The keys that hold what a key has spent in the periods of that moment."""
    return [
        *(f"{_PREFIX}:{name}:{period}:{at}" for period, at in places(now).values()),
        *(_minute(name, second) for second in (int(now) - MINUTE, int(now))),
    ]


def sums(told: Sequence[Any], now: float) -> Sums:
    """What a script has read of the keys of that moment."""
    return dict(_amounts(told, now))


def _row(name: str, place: Place, amount: int) -> tuple[str, int | str, int, int]:
    """The key, the field in it ("" for none), the amount, and the seconds that it is kept."""
    period, at = place
    if period == "second":
        return _minute(name, at), at, amount, 3 * MINUTE
    return f"{_PREFIX}:{name}:{period}:{at}", "", amount, _KEEP


def _minute(name: str, second: int) -> str:
    return f"{_PREFIX}:{name}:second:{second // MINUTE}"


def _amounts(told: Sequence[Any], now: float) -> Iterator[tuple[Place, int]]:
    for place, amount in zip(places(now).values(), told[0], strict=True):
        if amount is not None:
            yield place, int(amount)
    for minute in told[1:]:
        for second, amount in zip(minute[::2], minute[1::2], strict=True):
            yield ("second", int(second)), int(amount)
