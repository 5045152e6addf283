"""Keeps values for their owners, finds them again, forgets them: what the rest of the app uses.

What takes time is done in a native thread of the worker: packing, encryption, SQLite. A value that
is kept is written after :meth:`Keeper.keep` has returned, so no answer waits for it; a worker that
is killed before that loses this value alone. Redis, which is asked through sockets that give way to
other greenlets, comes first where there is one; the host's file has what Redis did not take.
"""

import logging
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar, cast

import gevent
from gevent.pool import Group
from gevent.threadpool import ThreadPool

if TYPE_CHECKING:  # what keeps nothing needs no cryptography
    from .host_store import HostStore
    from .sealing import Sealer

log = logging.getLogger("kiro2api.kept")

PENDING = 64 * 1024 * 1024
"""Bytes, before packing, that may wait to be written; what comes beyond them is not kept."""

CLOSING = 5.0
"""Seconds for what waits to be written when the worker ends."""

PAUSES = (0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6)
"""Seconds between looks for what is not there: another worker may be writing it just now."""

AVOID = 5.0
"""Seconds without a call to Redis after one that failed."""

_T = TypeVar("_T")
Change = Callable[[bytes | None], bytes | None]


class Sealed:
    """A store, and the sealer of what it holds. ``store`` is a HostStore or a RedisStore."""

    def __init__(self, store: Any, sealer: "Sealer") -> None:
        self.store = store
        self.sealer = sealer

    def change(self, owner: str, identity: str, make: Change) -> None:
        """As :meth:`~.host_store.HostStore.change`, with opened values."""
        name = self.sealer.name(owner, identity)

        def sealed(before: bytes | None) -> bytes | None:
            after = make(self.sealer.open(name, before) if before is not None else None)
            return None if after is None else self.sealer.seal(name, after)

        self.store.change(name, sealed)

    def put(self, owner: str, identity: str, content: bytes) -> None:
        """Keep the content."""
        name = self.sealer.name(owner, identity)
        self.store.put(name, self.sealer.seal(name, content))

    def get(self, owner: str, identity: str) -> bytes | None:
        """The content, None if it is not there."""
        name = self.sealer.name(owner, identity)
        found = self.store.get(name)
        return None if found is None else self.sealer.open(name, found)

    def delete(self, owner: str, identity: str) -> bool:
        """Whether it was there."""
        return bool(self.store.delete(self.sealer.name(owner, identity)))


class Keeper:
    """``host`` holds values for the workers of this host, ``shared`` for those of all hosts; calls
    of ``shared`` raise one of ``unavailable`` if its server cannot be used.
    """

    def __init__(
        self,
        host: "HostStore",
        sealer: "Sealer",
        shared: Sealed | None = None,
        unavailable: tuple[type[Exception], ...] = (),
        *,
        pending: int = PENDING,
    ) -> None:
        self._host = Sealed(host, sealer)
        self._shared = shared
        self._unavailable = unavailable
        self._away_until = 0.0
        self._most = pending
        self._pending = 0
        self._writing = Group()
        self._threads: ThreadPool | None = None  # made after the fork: threads do not survive one
        self._problem = ""

    def keep(self, owner: str, make: Callable[[], Mapping[str, bytes]], size: int) -> None:
        """Keep what ``make`` returns, by identity, in that order; it is called later, in a native
        thread. ``size``: about how many bytes its result, and what it is made of, has."""
        if self._pending + size > self._most:
            self._report(f"more than {self._most} bytes wait to be written")
            return
        self._pending += size
        self._writing.spawn(self._write, owner, make, size)

    def find(self, owner: str, identity: str) -> bytes | None:
        """What is kept; None if it is not, or not any more, or is another owner's."""
        found = self._get(owner, identity)
        for pause in PAUSES:
            if found is not None:
                break
            gevent.sleep(pause)
            found = self._get(owner, identity)
        return found

    def change(self, owner: str, identity: str, make: Change) -> bool:
        """Replace what is kept by ``make`` of it, and wait until that is written. ``make`` is
        called in any thread, perhaps again, and must do no IO. False if it could not be written.
        """
        if self._asks_shared():
            held = self._on_host(self._host.get, owner, identity)  # from when Redis was away
            own = held if isinstance(held, bytes) else None

            def shared(before: bytes | None) -> bytes | None:
                return make(own if before is None else before)

            if self._over_network(lambda to: to.change(owner, identity, shared)) is not _FAILED:
                return True
        return self._on_host(self._host.change, owner, identity, make) is not _FAILED

    def forget(self, owner: str, identity: str) -> bool:
        """Whether it was kept. One that is just being written is waited for."""
        there = False
        if self.find(owner, identity) is None:
            return False
        if self._asks_shared():
            there = self._over_network(lambda to: to.delete(owner, identity)) is True
        return self._on_host(self._host.delete, owner, identity) is True or there

    def close(self) -> None:
        """Write what waits, for a while, and close the stores."""
        self._writing.join(timeout=CLOSING)
        self._on_host(self._host.store.close)
        if self._shared is not None:
            self._shared.store.close()

    def _write(self, owner: str, make: Callable[[], Mapping[str, bytes]], size: int) -> None:
        try:
            for identity, content in self._in_thread(make).items():
                self._put(owner, identity, content)
        except Exception:  # a bug; its traceback could show a text of the conversation
            log.error("a response could not be kept; this is a bug")
        finally:
            self._pending -= size

    def _put(self, owner: str, identity: str, content: bytes) -> None:
        if self._asks_shared():
            done = self._over_network(lambda to: to.put(owner, identity, content))
            if done is not _FAILED:
                return
        self._on_host(self._host.put, owner, identity, content)

    def _get(self, owner: str, identity: str) -> bytes | None:
        found: Any = None
        if self._asks_shared():
            found = self._over_network(lambda to: to.get(owner, identity))
        if not isinstance(found, bytes):
            found = self._on_host(self._host.get, owner, identity)
        return found if isinstance(found, bytes) else None

    def _asks_shared(self) -> bool:
        return self._shared is not None and monotonic() >= self._away_until

    def _over_network(self, call: Callable[[Sealed], _T]) -> "_T | _Failed":
        assert self._shared is not None
        try:
            return call(self._shared)
        except self._unavailable as error:
            self._away_until = monotonic() + AVOID
            self._report(f"KIRO_TOKEN_STORE cannot be used ({type(error).__name__})")
            return _FAILED

    def _on_host(self, call: Callable[..., _T], *arguments: Any) -> "_T | _Failed":
        try:
            done = self._in_thread(call, *arguments)
        except self._host.store.ERRORS as error:
            self._report(f"the host's file cannot be used ({error})")
            return _FAILED
        self._problem = ""
        return done

    def _in_thread(self, call: Callable[..., _T], *arguments: Any) -> _T:
        if self._threads is None:
            self._threads = ThreadPool(1, hub=gevent.get_hub())
        result, error = self._threads.apply(_attempt, (call, arguments))
        if error is not None:
            raise error
        return cast(_T, result)

    def _report(self, problem: str) -> None:
        """Say once that something is not kept."""
        if problem != self._problem:
            self._problem = problem
            log.warning("responses are not kept as they should be: %s", problem)


class _Failed:
    """That a store could not be used."""


_FAILED = _Failed()


def _attempt(call: Callable[..., _T], arguments: Any) -> tuple[_T | None, Exception | None]:
    """What a call returns, or raises: gevent writes what a thread raises to stderr."""
    try:
        return call(*arguments), None
    except Exception as error:
        return None, error
