"""What is kept in Redis or Valkey, and under which keys. Everything raises :class:`Away` when the
server cannot be asked; for a few seconds after that it is not asked again.

A login that was refreshed many times is found by any refresh token it ever had: its first one names
its ``root``, and each later one is an alias of that. Keys:

- ``kiro2api:alias:<sha256 of a refresh token>``: the root
- ``kiro2api:login:<root>``: a hash of ``grant`` (JSON, or Fernet of it) and ``fence``
- ``kiro2api:standing:<root>``: JSON
- ``kiro2api:lock:<root>`` and ``kiro2api:fence:<root>``: see :meth:`Remote.lease`
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import redis
from cryptography.fernet import Fernet, InvalidToken
from redis.backoff import NoBackoff
from redis.exceptions import LockError, RedisError
from redis.lock import Lock
from redis.retry import Retry

T = TypeVar("T")

_PREFIX = "kiro2api:"
_KEEP = 90 * 86400  # seconds; a refresh token that nobody used for so long is dead anyway
_TIMEOUT = 2.0
_AVOID = 5.0
_LOCK_LIFE = 10.0
_LOCK_POLL = 0.05

_SAVE = """
local known = tonumber(redis.call('HGET', KEYS[1], 'fence') or '0')
if known > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'grant', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


class Away(Exception):
    """The server cannot be asked, and why."""


class Remote:
    """One connection pool; for all greenlets of the process."""

    def __init__(
        self, url: str, key: str | None, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Connects to nothing yet. Raises ValueError for a URL that redis-py does not take."""
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
        self.problem = ""

    def root(self, name: str) -> str:
        """The root of the login that has, or had, the refresh token of this fingerprint."""
        found = self._ask(lambda: self._redis.get(f"{_PREFIX}alias:{name}"))
        return found.decode() if found else name

    def grant(self, root: str) -> bytes | None:
        """The record of the login, None if there is none."""
        kept = self._ask(lambda: self._redis.hget(f"{_PREFIX}login:{root}", "grant"))
        return self._open(kept) if kept else None

    def save(self, root: str, names: Sequence[str], record: bytes, fence: int) -> bool:
        """Keep the record, to be found by these fingerprints too. False if somebody who got the
        lease later has already kept another.
        """
        sealed = self._fernet.encrypt(record) if self._fernet else record

        def save() -> bool:
            for name in names:
                self._redis.set(f"{_PREFIX}alias:{name}", root, ex=_KEEP)
            key = f"{_PREFIX}login:{root}"
            return bool(self._save(keys=[key], args=[fence, sealed, _KEEP]))

        return self._ask(save)

    def forget(self, root: str) -> None:
        """Remove everything of the login; aliases end by themselves."""
        keys = [f"{_PREFIX}{kind}:{root}" for kind in ("login", "standing", "fence")]
        self._ask(lambda: self._redis.delete(*keys))

    def standings(self, roots: Sequence[str]) -> list[bytes | None]:
        """What is held against the accounts."""
        keys = [f"{_PREFIX}standing:{root}" for root in roots]
        return list(self._ask(lambda: self._redis.mget(keys)))

    def amend(self, root: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Replace a standing by what ``change`` makes of it, None to leave it. Called again when
        somebody else was faster.
        """
        key = f"{_PREFIX}standing:{root}"

        def replace(pipeline: Any) -> None:
            changed = change(pipeline.get(key))
            pipeline.multi()
            if changed is not None:
                pipeline.set(key, changed, ex=_KEEP)

        self._ask(lambda: self._redis.transaction(replace, key))

    @contextlib.contextmanager
    def lease(self, root: str, timeout: float) -> Iterator[int]:
        """Hold the lock of the login, prolonged as long as it is held; its value is the fence.

        The fence grows with each holder, so that one who lost the lock without knowing cannot
        overwrite what a later one kept. A holder that dies blocks for at most ten seconds. Raises
        TimeoutError.
        """
        lock = Lock(
            self._redis,
            f"{_PREFIX}lock:{root}",
            timeout=_LOCK_LIFE,
            sleep=_LOCK_POLL,
            thread_local=False,
        )
        if not self._ask(lambda: lock.acquire(blocking_timeout=timeout)):
            raise TimeoutError
        released = threading.Event()
        threading.Thread(target=_prolong, args=(lock, released), daemon=True).start()
        try:
            yield self._ask(lambda: int(self._redis.incr(f"{_PREFIX}fence:{root}")))
        finally:
            released.set()
            with contextlib.suppress(RedisError):  # it ends by itself
                lock.release()

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def is_away(self) -> bool:
        """Whether the last question found no answer."""
        return bool(self.problem)

    def _ask(self, question: Callable[[], T]) -> T:
        if self._now() < self._retry_at:
            raise Away(self.problem)
        try:
            answer = question()
        except RedisError as error:
            raise self._away(f"{type(error).__name__}: {error}") from None
        self.problem = ""
        return answer

    def _open(self, kept: bytes) -> bytes:
        if kept.startswith(b"{"):
            return kept
        try:
            if self._fernet:
                return self._fernet.decrypt(kept)
        except InvalidToken:
            pass
        raise self._away("its records were encrypted with another KIRO_STORE_KEY")

    def _away(self, problem: str) -> Away:
        self.problem = problem
        self._retry_at = self._now() + _AVOID
        return Away(problem)


def _prolong(lock: Lock, released: threading.Event) -> None:
    while not released.wait(_LOCK_LIFE / 3):
        try:
            lock.reacquire()
        except LockError:  # lost; the fence takes care
            return
        except RedisError:
            continue
