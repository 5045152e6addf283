"""Waiting for sockets, with time limits that one greenlet keeps for all streams of a worker.

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
"""Seconds between two sweeps, which is the precision of every limit."""

CHORE_PERIOD = 5.0
"""Seconds between two chores."""


def seconds_until(deadline: float) -> float:
    """Raises TimeoutError if it has passed."""
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError("the peer took too long")
    return left


class Quiet(Exception):
    """Nothing came for as long as :attr:`Wait.quiet` says."""


class Wait:
    """The waits of one stream for its socket to become readable, and their limits.

    ``idle``: seconds of silence after which TimeoutError is raised. ``deadline``: the moment
    (monotonic clock) after which it is raised in any case. ``idle_name`` and ``deadline_name`` say
    in the message what sets these limits. ``quiet``: seconds of silence after which :class:`Quiet`
    is raised, of a stream that may be over. ``tick``: seconds of silence after which :meth:`ready`
    returns False, so that the stream can show its client a sign of life, and again after as many
    more.
    """

    __slots__ = (
        "_fileno",
        "_hub",
        "_io",
        "_started",
        "_waiting",
        "_waits",
        "deadline",
        "deadline_name",
        "idle",
        "idle_name",
        "quiet",
        "since",
        "tick",
        "ticked",
    )

    def __init__(self, fileno: int, hub: Any, waits: set["Wait"]) -> None:
        self._hub = hub
        self._fileno = fileno
        self._io: Any = None  # the watcher; a body that came with its head needs none
        self._started = False
        self._waiting: Any = None  # the greenlet, while it waits
        self._waits = waits
        self.idle = self.deadline = inf
        self.idle_name = self.deadline_name = "the gateway"
        self.tick = self.quiet = inf
        self.since = self.ticked = monotonic()
        waits.add(self)

    def ready(self) -> bool:
        """Wait; True when there is something to read, False at a tick. Raises TimeoutError, Quiet.

        The watcher stays on between two waits: turning it off and on costs system calls.
        """
        if not self._started:
            self._started = True
            if self._io is None:
                self._io = self._hub.loop.io(self._fileno, 1)
            self._io.start(self._wake, True)
        self._waiting = getcurrent()
        try:
            readable: bool = self._hub.switch()
        finally:
            self._waiting = None
        if readable:
            self.since = self.ticked = monotonic()
            if self.since >= self.deadline:  # the sweep sees that only of a stream that pauses
                raise self._late()
        return readable

    def _wake(self, readable: bool) -> None:
        """Called by the event loop: end the wait, if there still is one."""
        if self._waiting is not None:
            self._waiting.switch(readable)
        elif readable:  # no greenlet reads at the moment; the loop would call again and again
            self._started = False
            self._io.stop()

    def _fail(self, error: Exception, since: float) -> None:
        if self._waiting is not None and self.since == since:  # nothing came at the last moment
            self._waiting.throw(error)

    def check(self, now: float) -> None:
        """Called by the sweep: wake the greenlet if its time has come."""
        if self._waiting is None:
            return
        silent = now - self.since
        run = self._hub.loop.run_callback
        if silent >= self.quiet:
            run(self._fail, Quiet(), self.since)
        elif silent >= self.idle:
            late = TimeoutError(f"nothing came for {silent:.1f} s ({self.idle_name})")
            run(self._fail, late, self.since)
        elif now >= self.deadline:
            run(self._fail, self._late(), self.since)
        elif now - self.ticked >= self.tick:
            self.ticked = now
            run(self._wake, False)

    def _late(self) -> TimeoutError:
        return TimeoutError(f"it took longer than {self.deadline_name} allows")

    def close(self) -> None:
        """Give the watcher back to the event loop. Idempotent."""
        self._waits.discard(self)
        if self._io is not None:
            self._io.stop()
            self._io.close()


class Sweeper:
    """Checks all live waits of a worker, in a greenlet that starts with the first of them.

    Waits of another thread, which has an event loop of its own, are checked by a greenlet there.
    ``chore`` is called every :data:`CHORE_PERIOD` seconds by the first of these greenlets.
    """

    def __init__(self, chore: Callable[[], object] = lambda: None) -> None:
        self._chore: Callable[[], object] | None = chore
        self._waits: dict[Any, set[Wait]] = {}  # by hub

    def watch(self, fileno: int) -> Wait:
        """A :class:`Wait` for this file descriptor; it is checked until it is closed."""
        hub = get_hub()
        waits = self._waits.get(hub)
        if waits is None:
            waits = self._waits[hub] = set()
            chore, self._chore = self._chore, None
            gevent.spawn(_sweep, waits, chore)
        return Wait(fileno, hub, waits)


def _sweep(waits: set[Wait], chore: Callable[[], object] | None) -> None:
    due = monotonic() + CHORE_PERIOD
    while True:
        gevent.sleep(PERIOD)
        now = monotonic()
        if chore is not None and now >= due:
            due = now + CHORE_PERIOD
            chore()
        for wait in tuple(waits):
            wait.check(now)
