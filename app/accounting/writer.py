"""Writes what answers have cost, beside the requests: in batches, at most half a second later.

A request leaves its entry in a list and goes on. A worker that is stopped writes what is left; one
that is killed loses what it had for less than a second. While a store cannot be used, entries wait
for it; those beyond :data:`MOST` are counted, and the count is kept with the next batch, so that a
report can say that something is missing.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from time import monotonic, time
from typing import Any, Protocol

import gevent
from gevent.lock import Semaphore
from gevent.threadpool import ThreadPool

from .entry import Entry, Reading

log = logging.getLogger("kiro2api.usage")

EVERY = 0.5
"""Seconds from an entry to the write that takes it."""

MOST = 20_000
"""Entries that may wait for a store."""

AT_ONCE = 1000
"""Entries of one write, which holds the store's lock for some milliseconds."""

PAUSE = 5.0
"""Seconds until another try after one that failed."""

CLOSING = 5.0
"""Seconds for what waits when the worker ends."""


class Store(Protocol):
    """Where entries are written; the methods raise one of :attr:`ERRORS`."""

    ERRORS: tuple[type[Exception], ...]

    def write(self, batch: str, entries: Sequence[Entry], lost: int, now: float) -> None:
        """Keep them, all or none; the same ``batch`` only once, where that can be in doubt."""

    def read_quota(self, reading: Reading) -> None:
        """Keep what a service says of an account."""

    def close(self) -> None:
        """Idempotent."""


class Writer:
    """The entries of one worker on their way into one store. ``in_thread``: whether the store's
    calls block; ``where`` names it in the log.
    """

    def __init__(
        self, store: Store, where: str, *, in_thread: bool, clock: Callable[[], float] = time
    ) -> None:
        self._store = store
        self._where = where
        self._in_thread = in_thread
        self._clock = clock
        self._threads: ThreadPool | None = None  # made after the fork: threads do not survive one
        self._waiting: list[Entry] = []
        self._batch: tuple[str, list[Entry], int] | None = None
        self._lost = 0
        self._task: gevent.Greenlet[..., Any] | None = None
        self._writing = Semaphore()
        self._problem = ""

    def put(self, entry: Entry) -> None:
        """Have it written soon; does not wait."""
        if len(self._waiting) >= MOST:
            self._lost += 1
        else:
            self._waiting.append(entry)
        if self._task is None:
            self._task = gevent.spawn_later(EVERY, self._run)

    def read_quota(self, reading: Reading) -> None:
        """Keep what a service says of an account. Waits; a failure is logged."""
        try:
            self._call(self._store.read_quota, reading)
        except self._store.ERRORS as error:
            self._report(error)

    def close(self) -> None:
        """Write what waits, for a while, and close the store."""
        end = monotonic() + CLOSING
        while self._is_due() and monotonic() < end and self._write():
            pass
        if left := self._left():
            log.error("%s: the usage of %d answers is lost", self._where, left)
        try:
            self._call(self._store.close)
        except self._store.ERRORS as error:
            self._report(error)

    def _run(self) -> None:
        while self._is_due():
            gevent.sleep(EVERY if self._write() else PAUSE)
        self._task = None

    def _is_due(self) -> bool:
        return bool(self._waiting or self._batch or self._lost)

    def _left(self) -> int:
        return len(self._waiting) + self._lost + (len(self._batch[1]) if self._batch else 0)

    def _write(self) -> bool:
        """Write one batch; the same again after a failure."""
        with self._writing:
            if not self._is_due():  # written meanwhile
                return True
            if self._batch is None:
                entries, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                self._batch = secrets.token_hex(8), entries, self._lost
                self._lost = 0
            try:
                self._call(self._store.write, *self._batch, self._clock())
            except self._store.ERRORS as error:
                self._report(error)
                return False
            self._batch = None
        if self._problem:
            self._problem = ""
            log.info("%s: usage is kept again", self._where)
        return True

    def _report(self, error: Exception) -> None:
        """Say once that it is not kept."""
        problem = type(error).__name__
        if problem != self._problem:
            self._problem = problem
            log.warning("%s: usage cannot be kept now (%s: %s)", self._where, problem, error)

    def _call(self, call: Callable[..., Any], *arguments: Any) -> None:
        if not self._in_thread:
            call(*arguments)
            return
        if self._threads is None:
            self._threads = ThreadPool(1, hub=gevent.get_hub())
        error = self._threads.apply(_attempt, (call, arguments))
        if error is not None:
            raise error


def _attempt(call: Callable[..., Any], arguments: Sequence[Any]) -> Exception | None:
    """What a call raises: gevent writes what a thread raises to stderr."""
    try:
        call(*arguments)
    except Exception as error:
        return error
    return None
