"""Kept values for all hosts, in the Redis or Valkey server of ``KIRO_TOKEN_STORE``.

The server holds the logins too, so what is kept beside them is bounded: a script removes the oldest
values before they have more bytes together than allowed. Keys: ``kiro2api:response:<name>`` is a
sealed value; ``kiro2api:responses:ends`` has the names by the end of their time,
``kiro2api:responses:sizes`` their sizes, ``kiro2api:responses:total`` the sum of them.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

_VALUE = "kiro2api:response:"
_INDEX = [f"kiro2api:responses:{part}" for part in ("ends", "sizes", "total")]
_TIMEOUT = 2.0
_TRIES = 5

_FORGET = """
local function forget(name)
  redis.call('DEL', 'kiro2api:response:' .. name)
  redis.call('ZREM', KEYS[1], name)
  local size = redis.call('HGET', KEYS[2], name)
  if size then
    redis.call('HDEL', KEYS[2], name)
    redis.call('DECRBY', KEYS[3], size)
  end
end
"""
_DELETE = f"""{_FORGET}
local there = redis.call('EXISTS', 'kiro2api:response:' .. ARGV[1])
forget(ARGV[1])
return there
"""
_PUT = f"""{_FORGET}
local name, value, ttl, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = tonumber(redis.call('TIME')[1])
if ARGV[5] == 'if' then
  if (redis.call('GET', 'kiro2api:response:' .. name) or '') ~= ARGV[6] then return 0 end
end
forget(name)
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 1000)) do
  forget(old)
end
redis.call('SET', 'kiro2api:response:' .. name, value, 'EX', ttl)
redis.call('ZADD', KEYS[1], now + ttl, name)
redis.call('HSET', KEYS[2], name, #value)
local total = redis.call('INCRBY', KEYS[3], #value)
while total > most do
  forget(redis.call('ZRANGE', KEYS[1], 0, 0)[1])
  total = tonumber(redis.call('GET', KEYS[3]))
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, 2 * ttl) end
return 1
"""

Unavailable = (RedisError, OSError)
"""What every method of :class:`RedisStore` raises if the server cannot be used."""


class RedisStore:
    """Sealed values by name, as in :class:`~.host_store.HostStore`."""

    def __init__(self, url: str, *, ttl: float, most: int) -> None:
        """Does not connect yet. Raises ValueError for a URL that redis-py rejects."""
        self._redis: Any = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self._put: Any = self._redis.register_script(_PUT)
        self._delete: Any = self._redis.register_script(_DELETE)
        self._limits = max(1, round(ttl)), most

    def put(self, name: bytes, value: bytes) -> None:
        """Keep the value in place of another of that name."""
        self._put(keys=_INDEX, args=[name.hex(), value, *self._limits, "always"])

    def get(self, name: bytes) -> bytes | None:
        """The value, None if it is not there any more."""
        value: bytes | None = self._redis.get(_VALUE + name.hex())
        return value

    def delete(self, name: bytes) -> bool:
        """Whether there was such a value."""
        return bool(self._delete(keys=_INDEX, args=[name.hex()]))

    def change(self, name: bytes, make: Callable[[bytes | None], bytes | None]) -> None:
        """Replace the value by ``make`` of it; ``make`` is called again if another process has
        replaced it meanwhile. Raises RedisError if one always has.
        """
        for _ in range(_TRIES):
            before = self.get(name)
            value = make(before)
            if value is None:
                return
            args = [name.hex(), value, *self._limits, "if", before or b""]
            if self._put(keys=_INDEX, args=args):
                return
        raise RedisError("other processes keep changing the value")

    def close(self) -> None:
        """Idempotent."""
        with contextlib.suppress(RedisError):
            self._redis.close()
