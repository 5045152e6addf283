"""The waits of all streams of a worker, timed by one greenlet.

A timer for each read of each stream costs more than the read. Here a waiting stream only notes
since when it waits; one sweep, a few times a second, wakes those whose time has come.
"""

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any

import gevent
from gevent import get_hub, getcurrent

PERIOD = 0.25
"""Seconds between two sweeps, and so the precision of every limit kept here."""

CHORE_PERIOD = 5.0
"""Seconds between two chores."""


class Wait:
    """One stream's wait for its socket to become readable.

    ``idle_limit``: seconds of silence after which ``timeout`` is raised. ``deadline``: the moment
    (monotonic clock) after which it is raised in any case, ``deadline_name`` what sets it, for the
    message. ``tick``: seconds of silence after which
    :meth:`ready` gives False, so that the stream can show its client a sign of life, and again
    after as many more.
    """

    __slots__ = (
        "_hub",
        "_io",
        "_started",
        "_sweeper",
        "_waiting",
        "deadline",
        "deadline_name",
        "idle_limit",
        "since",
        "tick",
        "ticked",
    )

    def __init__(self, fileno: int, sweeper: "Sweeper") -> None:
        self._hub = get_hub()
        self._io = self._hub.loop.io(fileno, 1)
        self._started = False
        self._waiting: Any = None  # the greenlet, while it does
        self._sweeper = sweeper
        self.idle_limit = inf
        self.deadline = inf
        self.deadline_name = "the gateway"
        self.tick = inf
        self.since = self.ticked = monotonic()
        sweeper.waits.add(self)

    def ready(self) -> bool:
        """Wait; True when there is something to read, False at a tick. Raises TimeoutError.

        The watcher stays on between two waits: turning it off and on costs system calls.
        """
        if not self._started:
            self._started = True
            self._io.start(self._wake, True)
        self._waiting = getcurrent()
        try:
            readable: bool = self._hub.switch()
        finally:
            self._waiting = None
        if readable:
            self.since = self.ticked = monotonic()
        return readable

    def _wake(self, readable: bool) -> None:
        """In the event loop: go on with the wait, if it still is one."""
        if self._waiting is not None:
            self._waiting.switch(readable)
        elif readable:  # nobody reads at the moment; the loop would call again and again
            self._started = False
            self._io.stop()

    def _fail(self, error: TimeoutError, since: float) -> None:
        if self._waiting is not None and self.since == since:  # nothing came at the last moment
            self._waiting.throw(error)

    def check(self, now: float) -> None:
        """Called by the sweep: wake this wait if its time has come."""
        if self._waiting is None:
            return
        silent = now - self.since
        run = self._hub.loop.run_callback
        if silent >= self.idle_limit:
            late = TimeoutError(f"nothing came for {silent:.1f} s (KIRO_IDLE_TIMEOUT)")
            run(self._fail, late, self.since)
        elif now >= self.deadline:
            late = TimeoutError(f"it took longer than {self.deadline_name} allows")
            run(self._fail, late, self.since)
        elif now - self.ticked >= self.tick:
            self.ticked = now
            run(self._wake, False)

    def close(self) -> None:
        """Give the watcher back. Idempotent."""
        self._sweeper.waits.discard(self)
        self._io.stop()
        self._io.close()


class Sweeper:
    """Every live :class:`Wait` of this process; its greenlet starts with the first.

    ``chore`` is called every :data:`CHORE_PERIOD` seconds from then on.
    """

    def __init__(self, chore: Callable[[], object] = lambda: None) -> None:
        self.waits: set[Wait] = set()
        self._chore = chore
        self._greenlet: Any = None

    def watch(self, fileno: int) -> Wait:
        """A wait for this file descriptor, swept until it is closed."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)
        return Wait(fileno, self)

    def _run(self) -> None:
        due = monotonic() + CHORE_PERIOD
        while True:
            gevent.sleep(PERIOD)
            now = monotonic()
            if now >= due:
                due = now + CHORE_PERIOD
                self._chore()
            for wait in tuple(self.waits):
                wait.check(now)
