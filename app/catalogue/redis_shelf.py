"""Lists of models for all hosts, in the Redis or Valkey server of ``KIRO_TOKEN_STORE``.

The files of each host stay in front of it: workers read those, and the server is asked only by the
worker whose turn it is. While the server cannot be used, each host asks the service for itself.

Keys: ``kiro2api:models:<key>`` is a record as JSON, ``kiro2api:models-turn:<key>`` is there while a
host asks the service.
"""

import contextlib
import logging
import secrets
from collections.abc import Iterator
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from .record import KEEP, Record, decode, encode
from .shelf import Shelf

log = logging.getLogger("kiro2api.models")

_PREFIX = "kiro2api:models"
_TIMEOUT = 2.0
_TURN = 90  # seconds: longer than the pages of a list take

_GIVE_BACK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class RedisShelf:
    """A :class:`~.shelf.Shelf` for all hosts, behind the ``local`` one of this host."""

    def __init__(self, url: str, local: Shelf) -> None:
        """Does not connect yet. Raises ValueError for a URL that redis-py rejects."""
        self._redis: Any = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self._give_back: Any = self._redis.register_script(_GIVE_BACK)
        self._local = local
        self._is_away = False

    def read(self, key: str) -> Record:
        return self._local.read(key)

    def write(self, key: str, record: Record) -> None:
        self._local.write(key, record)
        if record.problem:  # it may be this host's alone
            return
        with self._reported():
            self._redis.set(f"{_PREFIX}:{key}", encode(record), ex=int(KEEP))

    @contextlib.contextmanager
    def turn(self, key: str) -> Iterator[bool]:
        """Takes over what another host has listed since, so look at the record again."""
        with self._local.turn(key) as is_ours:
            if not is_ours:
                yield False
                return
            own = secrets.token_hex(8)
            won = self._begin(key, own)
            try:
                yield won
            finally:
                if won:
                    with self._reported():
                        self._give_back(keys=[f"{_PREFIX}-turn:{key}"], args=[own])

    def _begin(self, key: str, own: str) -> bool:
        with self._reported():
            stored = self._redis.get(f"{_PREFIX}:{key}")
            there = decode(stored) if stored else None
            if there and there.listed_at > self._local.read(key).listed_at:
                self._local.write(key, there)
            return bool(self._redis.set(f"{_PREFIX}-turn:{key}", own, nx=True, ex=_TURN))
        return True

    def close(self) -> None:
        with contextlib.suppress(RedisError):
            self._redis.close()
        self._local.close()

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        """Says once that the server is away, and once that it is back."""
        try:
            yield
        except (RedisError, OSError) as error:
            if not self._is_away:
                self._is_away = True
                log.warning(
                    "KIRO_TOKEN_STORE cannot be used (%s); this host lists its models itself",
                    type(error).__name__,
                )
        else:
            self._is_away = False
