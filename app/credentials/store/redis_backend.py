"""What is stored in Redis or Valkey, and under which keys.

Every operation raises :class:`RedisUnavailable` if the server cannot be reached; it is then not
called again for a few seconds.

A login is found by every refresh token it ever had: the fingerprint of the first one is its
``root``, those of later ones are aliases of the root. Keys:

- ``kiro2api:alias:<sha256 of a refresh token>``: the root
- ``kiro2api:login:<root>``: a hash of ``grant`` (JSON, or Fernet of it), ``fence``, and ``name``,
  the fingerprint of its refresh token
- ``kiro2api:health:<root>``: JSON
- ``kiro2api:lock:<root>`` and ``kiro2api:fence:<root>``: see :meth:`RedisBackend.lease`
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from random import uniform
from typing import Any, NamedTuple, TypeVar

import redis
from cryptography.fernet import Fernet, InvalidToken
from redis.backoff import NoBackoff
from redis.exceptions import LockError, RedisError
from redis.lock import Lock
from redis.retry import Retry

T = TypeVar("T")


_PREFIX = "kiro2api:"
_KEEP = 90 * 86400  # seconds; a refresh token that was unused for so long has expired
_TIMEOUT = 2.0
_AVOID = 5.0  # seconds without a call after a failed one
_LOCK_LIFE = 10.0
_LOCK_POLL = 0.025, 0.075  # seconds, each host its own: those that wait do not ask in step

_SAVE = """
local known = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0')
if known > tonumber(ARGV[1]) then
  local name = redis.call('HGET', KEYS[1], 'name')
  local replaces = false
  for i = 4, #ARGV do replaces = replaces or ARGV[i] == name end
  if not replaces then return 0 end
end
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'grant', ARGV[2], 'name', ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class Mark(NamedTuple):
    """The root of a login, the name of the grant under it, and the root that it is an alias of."""

    root: str
    name: bytes | None
    alias: bytes | None


class RedisUnavailable(Exception):
    """The server cannot be used; the message says why."""


class RedisBackend:
    """One connection pool, shared by all greenlets of the process."""

    def __init__(
        self, url: str, key: str | None, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Does not connect yet. Raises ValueError for a URL that redis-py rejects."""
        self._redis: Any = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        )
        self._save: Any = self._redis.register_script(_SAVE)
        self._fernet = Fernet(key) if key else None
        self._now = now
        self._retry_at = 0.0
        self._cannot_write = False
        self._unreleased: list[tuple[Lock, Any]] = []
        self.problem = ""

    def check(self) -> None:
        """Find out whether the server responds, and release the locks that it did not release."""

        def check() -> None:
            self._redis.ping()
            while self._unreleased:
                lock, token = self._unreleased[-1]
                with contextlib.suppress(LockError):  # it has expired
                    lock.do_release(token)
                self._unreleased.pop()

        self._call(check)

    def root(self, names: Sequence[str]) -> str:
        """The root of the login that has, or had, a refresh token with one of these fingerprints;
        the first of them if no such login is known.

        If Redis lost everything, two hosts may begin to fill it again at the same time under
        different roots. All hosts then choose the same one.
        """

        def find() -> str:
            pipeline = self._redis.pipeline(transaction=False)
            for name in names:
                pipeline.get(f"{_PREFIX}alias:{name}").exists(f"{_PREFIX}login:{name}")
            answers = iter(pipeline.execute())
            found: list[str] = []
            for name, alias, exists in zip(names, answers, answers, strict=True):
                found += [alias.decode()] if alias else []
                found += [name] if exists else []
            return min(found, default=names[0])

        return self._call(find)

    def marks(self, roots: Sequence[str]) -> list[Mark]:
        """A small value for each login, which changes when it has another refresh token or root."""

        def read() -> list[Mark]:
            pipeline = self._redis.pipeline(transaction=False)
            for root in roots:
                pipeline.hget(f"{_PREFIX}login:{root}", "name").get(f"{_PREFIX}alias:{root}")
            answers = iter(pipeline.execute())
            return list(map(Mark, roots, answers, answers))

        return self._call(read) if roots else []

    def grant(self, root: str) -> bytes | None:
        """The record of the login, None if there is no record."""
        stored = self._call(lambda: self._redis.hget(f"{_PREFIX}login:{root}", "grant"))
        return self._decrypt(stored) if stored else None

    def save(self, root: str, names: Sequence[str], record: bytes, fence: int) -> bool:
        """Store the record under the first of these fingerprints, and make all of them aliases of
        its root. False if the holder of a later lease has stored a record with another fingerprint;
        this one is then not stored.
        """
        stored = self._fernet.encrypt(record) if self._fernet else record

        def save() -> bool:
            pipeline = self._redis.pipeline(transaction=False)
            for name in names:
                if name != root:
                    pipeline.set(f"{_PREFIX}alias:{name}", root, ex=_KEEP)
            pipeline.execute()
            key = f"{_PREFIX}login:{root}"
            return bool(self._save(keys=[key], args=[fence, stored, _KEEP, *names]))

        return self._call(save, writes=True)

    def forget(self, root: str) -> None:
        """Remove everything about the login; its aliases expire by themselves."""
        keys = [f"{_PREFIX}{kind}:{root}" for kind in ("login", "health", "fence")]
        self._call(lambda: self._redis.delete(*keys), writes=True)

    def health_records(self, roots: Sequence[str]) -> list[bytes | None]:
        """The stored health of each account, None if there is none."""
        keys = [f"{_PREFIX}health:{root}" for root in roots]
        return list(self._call(lambda: self._redis.mget(keys)))

    def update_health(self, root: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Replace the stored health by the result of ``change``; None leaves it unchanged.
        ``change`` is called again if another process updated the health at the same time.
        """
        key = f"{_PREFIX}health:{root}"

        def replace(pipeline: Any) -> None:
            changed = change(pipeline.get(key))
            pipeline.multi()
            if changed is not None:
                pipeline.set(key, changed, ex=_KEEP)

        self._call(lambda: self._redis.transaction(replace, key), writes=True)

    @contextlib.contextmanager
    def lease(self, root: str, timeout: float) -> Iterator[int]:
        """Hold the lock of the login and prolong it until it is released; yields the fencing token.

        The fencing token grows with each holder, so that a holder that lost the lock without
        noticing cannot overwrite what a later holder stored. The lock of a holder that died expires
        within ten seconds; one that could not be released is released by :meth:`check`. Raises
        TimeoutError.
        """
        lock = Lock(
            self._redis,
            f"{_PREFIX}lock:{root}",
            timeout=_LOCK_LIFE,
            sleep=uniform(*_LOCK_POLL),  # nosec B311 # not a secret
            thread_local=False,
        )
        if not self._call(lambda: lock.acquire(blocking_timeout=timeout), writes=True):
            raise TimeoutError
        token = lock.local.token
        released = threading.Event()
        threading.Thread(target=_prolong, args=(lock, released), daemon=True).start()
        try:
            yield self._call(lambda: int(self._redis.incr(f"{_PREFIX}fence:{root}")), writes=True)
        finally:
            released.set()
            try:
                lock.release()
            except LockError:  # it has expired
                pass
            except RedisError:
                self._unreleased.append((lock, token))

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def is_available(self) -> bool:
        """Whether Redis can be used: it can be full and still be read."""
        return not self.problem

    def _call(self, operation: Callable[[], T], *, writes: bool = False) -> T:
        if self._now() < self._retry_at:
            raise RedisUnavailable(self.problem)
        try:
            result = operation()
        except RedisError as error:
            self._cannot_write = self._cannot_write or writes
            raise self._unavailable(f"{type(error).__name__}: {error}") from None
        if writes or not self._cannot_write:
            self._cannot_write, self.problem = False, ""
        return result

    def _decrypt(self, stored: bytes) -> bytes:
        if stored.startswith(b"{"):
            return stored
        try:
            if self._fernet:
                return self._fernet.decrypt(stored)
        except InvalidToken:
            pass
        raise self._unavailable("its records were encrypted with another KIRO_STORE_KEY")

    def _unavailable(self, problem: str) -> RedisUnavailable:
        self.problem = problem
        self._retry_at = self._now() + _AVOID
        return RedisUnavailable(problem)


def _prolong(lock: Lock, released: threading.Event) -> None:
    while not released.wait(_LOCK_LIFE / 3):
        try:
            lock.reacquire()
        except LockError:  # the lock is lost; the fencing token protects the data
            return
        except RedisError:
            continue
