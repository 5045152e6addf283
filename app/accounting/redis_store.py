"""The answers of all hosts as sums of each day, in the Redis or Valkey server of
``KIRO_TOKEN_STORE``.

Keys: ``kiro2api:usage:<day>`` is a hash; a field is the JSON of key, model, account, client,
dialect and the name of a counter. ``kiro2api:usage-once:<batch>:<day>`` is there for a batch that
was added.
``kiro2api:usage-recorded`` has the credits of each account, of all time;
``kiro2api:usage-readings`` what its service said.
"""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from operator import attrgetter
from typing import Any

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from .entry import COUNTERS, Entry, Query, Reading, Scope, Total, added, day, total

_PREFIX = "kiro2api:usage"
_TIMEOUT = 2.0
_DOUBT = 86400  # seconds for which a batch may be added again
_READINGS_KEPT = 32 * 86400  # seconds: longer than a quota lasts
_NAMES = ("key", "model", "account", "client", "dialect")
_names_of = attrgetter(*_NAMES)

_ADD = """
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then return 0 end
for n = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[2], ARGV[n], ARGV[n + 1]) end
if tonumber(ARGV[2]) > 0 then redis.call('EXPIRE', KEYS[2], ARGV[2]) end
return 1
"""


class RedisStore:
    """Writes and reads; every method raises one of :attr:`ERRORS`. Days older than ``days`` are
    removed. Its calls give way to other greenlets.
    """

    ERRORS: tuple[type[Exception], ...] = (RedisError, OSError)
    scope: Scope = "all hosts"

    def __init__(self, url: str, *, days: int) -> None:
        """Does not connect yet. Raises ValueError for a URL that redis-py rejects."""
        self._keep = (days + 1) * 86400
        self._redis: Any = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def write(self, batch: str, entries: Sequence[Entry], lost: int, now: float) -> None:
        """Add the answers. A ``batch`` that is written again, since nobody knows whether it was
        added, counts once."""
        totals: defaultdict[tuple[str, tuple[str, ...]], list[Total]] = defaultdict(list)
        spent: Counter[str] = Counter()
        for one in entries:
            totals[one.day, _names_of(one)].append(total(one))
            spent[one.account] += one.credits or 0
        days: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (at, names), each in totals.items():
            sums = added(each)
            days[at] |= {_field(names, counter): getattr(sums, counter) for counter in COUNTERS}
        if lost:
            days[day(now)][_field(("",) * len(_NAMES), "lost")] = lost
        pipe = self._redis.pipeline(transaction=False)
        for at, amounts in days.items():
            self._add(pipe, f"{batch}:{at}", f"{_PREFIX}:{at}", amounts, self._keep)
        self._add(pipe, f"{batch}:recorded", f"{_PREFIX}-recorded", spent, 0)
        pipe.execute()

    def read_quota(self, reading: Reading) -> None:
        """Keep what the service says of an account, with what is recorded of it at this moment;
        once, though each host has it from the others.
        """
        name = f"{_PREFIX}-readings:{reading.account}"
        if self._redis.zcount(name, reading.at, reading.at):
            return
        recorded = int(self._redis.hget(f"{_PREFIX}-recorded", reading.account) or 0)
        value = msgspec.json.encode(msgspec.structs.replace(reading, recorded=recorded))
        pipe = self._redis.pipeline()
        pipe.zadd(name, {value.decode(): reading.at}, nx=True)
        pipe.zremrangebyscore(name, "-inf", reading.at - _READINGS_KEPT)
        pipe.expire(name, self._keep)
        pipe.sadd(f"{_PREFIX}-readings", reading.account)
        pipe.execute()

    def begins(self, query: Query) -> float:
        """From when on the answers of a query are added up: from the beginning of a day."""
        start = datetime.fromtimestamp(query.since, UTC).replace(hour=0, minute=0, second=0)
        return start.replace(microsecond=0).timestamp()

    def totals(self, query: Query) -> list[Total]:
        """What the answers have cost, by name."""
        found: defaultdict[str, Total] = defaultdict(Total)
        for name, field, amount in self._fields(query.since):
            *names, counter = field
            named = dict(zip(_NAMES, names, strict=True))
            if counter == "lost" or (query.key and named["key"] != query.key):
                continue
            shown = name if query.by == "day" else named[query.by]
            setattr(found[shown], counter, getattr(found[shown], counter) + amount)
        return [msgspec.structs.replace(one, name=name) for name, one in found.items()]

    def lost(self, since: float) -> int:
        """How many answers could not be added."""
        return sum(amount for _, field, amount in self._fields(since) if field[-1] == "lost")

    def readings(self, since: float) -> list[Reading]:
        """What the service said of the accounts, the oldest first."""
        found = [
            msgspec.json.decode(value, type=Reading)
            for account in self._redis.smembers(f"{_PREFIX}-readings")
            for value in self._redis.zrangebyscore(f"{_PREFIX}-readings:{account}", since, "+inf")
        ]
        return sorted(found, key=lambda one: (one.at, one.recorded))

    def close(self) -> None:
        """Idempotent."""
        with contextlib.suppress(RedisError):
            self._redis.close()

    def _add(self, pipe: Any, once: str, name: str, sums: Mapping[str, int], keep: int) -> None:
        parts = [part for field, amount in sums.items() if amount for part in (field, amount)]
        if parts:
            pipe.eval(_ADD, 2, f"{_PREFIX}-once:{once}", name, _DOUBT, keep, *parts)

    def _fields(self, since: float) -> Iterator[tuple[str, list[str], int]]:
        """Each field since then, with its day and amount."""
        today = datetime.now(UTC).date()
        kept = today - timedelta(seconds=self._keep)  # no day is there before that
        first = max(datetime.fromtimestamp(since, UTC).date(), kept)
        for number in count():
            at = first + timedelta(days=number)
            if at > today:
                return
            for field, amount in self._redis.hgetall(f"{_PREFIX}:{at:%F}").items():
                yield f"{at:%F}", msgspec.json.decode(field, type=list[str]), int(amount)


def _field(names: Sequence[str], counter: str) -> str:
    return msgspec.json.encode([*names, counter]).decode()
