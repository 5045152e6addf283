"""The waits of all streams of a worker, timed by one greenlet.

A timer for each read of each stream costs more than the read. Here a waiting stream only notes
since when it waits; one sweep, a few times a second, wakes those whose time has come.
"""

from math import inf
from time import monotonic
from typing import Any

import gevent
from gevent import get_hub
from gevent.hub import Waiter

PERIOD = 0.25
"""Seconds between two sweeps, and so the precision of every limit kept here."""


class Wait:
    """One stream's wait for its socket to become readable.

    ``idle_limit``: seconds of silence after which ``timeout`` is raised. ``deadline``: the moment
    (monotonic clock) after which it is raised in any case. ``tick``: seconds of silence after which
    :meth:`ready` gives False, so that the stream can show its client a sign of life, and again
    after as many more.
    """

    __slots__ = ("_io", "_sweeper", "_waiter", "deadline", "idle_limit", "since", "tick", "ticked")

    def __init__(self, fileno: int, sweeper: "Sweeper") -> None:
        self._io = get_hub().loop.io(fileno, 1)
        self._waiter: Any = None
        self._sweeper = sweeper
        self.idle_limit = inf
        self.deadline = inf
        self.tick = inf
        self.since = self.ticked = monotonic()
        sweeper.waits.add(self)

    def ready(self) -> bool:
        """Wait; True when there is something to read, False at a tick. Raises TimeoutError."""
        waiter = self._waiter = Waiter(get_hub())
        self._io.start(waiter.switch, True)
        try:
            readable: bool = waiter.get()
        finally:
            self._io.stop()
            self._waiter = None
        if readable:
            self.since = self.ticked = monotonic()
        return readable

    def check(self, now: float) -> None:
        """Called by the sweep: wake this wait if its time has come."""
        waiter = self._waiter
        if waiter is None:
            return
        silent = now - self.since
        if silent >= self.idle_limit:
            error = TimeoutError(f"nothing came for {silent:.1f} s (KIRO_IDLE_TIMEOUT)")
            get_hub().loop.run_callback(waiter.throw, error)
        elif now >= self.deadline:
            error = TimeoutError("the time that the settings allow is over")
            get_hub().loop.run_callback(waiter.throw, error)
        elif now - self.ticked >= self.tick:
            self.ticked = now
            get_hub().loop.run_callback(waiter.switch, False)

    def close(self) -> None:
        """Give the watcher back. Idempotent."""
        self._sweeper.waits.discard(self)
        self._io.stop()
        self._io.close()


class Sweeper:
    """Every live :class:`Wait` of this process; its greenlet starts with the first."""

    def __init__(self) -> None:
        self.waits: set[Wait] = set()
        self._greenlet: Any = None

    def watch(self, fileno: int) -> Wait:
        """A wait for this file descriptor, swept until it is closed."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)
        return Wait(fileno, self)

    def _run(self) -> None:
        while True:
            gevent.sleep(PERIOD)
            now = monotonic()
            for wait in tuple(self.waits):
                wait.check(now)
