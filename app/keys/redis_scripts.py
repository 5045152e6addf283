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

    A connection of redis-py is used without its client, which costs more than all else of a call.
    """

    def __init__(self, url: str) -> None:
        """Does not connect yet. Raises ValueError for a URL that redis-py rejects."""
        self._pool = redis.ConnectionPool.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 1, (redis.ConnectionError,)),
            decode_responses=True,
            protocol=2,
        )
        self._idle: list[Any] = []

    def run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument] = ()) -> Any:
        """What the script returns for these ``KEYS`` and ``ARGV``."""
        connection = self._idle.pop() if self._idle else self._pool.get_connection()
        rest = len(keys), *keys, *arguments
        try:
            try:
                told = _ask(connection, _packed("EVALSHA", script.sha, *rest))
            except NoScriptError:
                told = _ask(connection, _packed("EVAL", script.text, *rest))
        except BaseException:  # also of a request that is cut off: the answer may come yet
            connection.disconnect()
            self._pool.release(connection)
            raise
        self._idle.append(connection)
        return told

    def close(self) -> None:
        """Close the connections that are idle."""
        with contextlib.suppress(*ERRORS):
            while self._idle:
                self._pool.release(self._idle.pop())
            self._pool.disconnect()


def _ask(connection: Any, command: bytes) -> Any:
    try:
        connection.send_packed_command([command])
        return connection.read_response()
    except redis.ConnectionError:
        connection.disconnect()
        connection.send_packed_command([command])
        return connection.read_response()


def _packed(*words: Argument) -> bytes:
    """A command as Redis reads it: an array of strings, each after its length (the Redis
    serialization protocol, RESP)."""
    strings = [str(word).encode() for word in words]
    lengths = [b"$%d\r\n%b\r\n" % (len(one), one) for one in strings]
    return b"*%d\r\n%b" % (len(strings), b"".join(lengths))
