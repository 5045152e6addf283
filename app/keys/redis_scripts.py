"""Lua scripts in the Redis or Valkey server of ``KIRO_TOKEN_STORE``, each run in one round trip."""

import contextlib
import hashlib
from collections.abc import Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

ERRORS: tuple[type[Exception], ...] = (RedisError, OSError)
"""What a call raises if the server cannot be used."""

_TIMEOUT = 0.5

Argument = str | int | float


class Script:
    """``text`` in Lua, which a server knows by its ``sha`` once it has run there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisScripts:
    """Runs scripts. Its calls give way to other greenlets, and raise one of :data:`ERRORS`.

    Each call has a connection of its own while it runs. If that ended meanwhile it is opened again,
    and the script sent again; a server that does not answer is not waited for twice.
    """

    def __init__(self, url: str) -> None:
        """Does not connect yet. Raises ValueError for a URL that redis-py rejects."""
        self._pool = redis.ConnectionPool.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
            decode_responses=True,
        )
        self._idle: list[Any] = []

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument] = ()) -> Any:
        """What the script returns for these ``KEYS`` and ``ARGV``."""
        client = self._idle.pop() if self._idle else self._client()
        rest = len(keys), *keys, *arguments
        try:
            try:
                told = client.execute_command("EVALSHA", script.sha, *rest)
            except NoScriptError:
                told = client.execute_command("EVAL", script.text, *rest)
        except BaseException:  # also of a request that is cut off: the answer may come yet
            client.connection.disconnect()
            client.close()
            raise
        self._idle.append(client)
        return told

    def close(self) -> None:
        """Close the connections that are idle."""
        with contextlib.suppress(*ERRORS):
            while self._idle:
                self._idle.pop().close()
            self._pool.disconnect()

    def _client(self) -> Any:
        """A client of one connection: taking one from the pool for each call costs as much as all
        else of the call."""
        return redis.Redis(connection_pool=self._pool, single_connection_client=True)
