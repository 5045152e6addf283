"""What is looked at once a second, since it is no matter of one request."""

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

import gevent

from . import table
from .store import Store

log = logging.getLogger("kiro2api.metrics")

EVERY = 1.0
"""Seconds between two looks."""


OUTCOMES = ("ok", "failed", "over")
"""Of refreshes."""


class Now(NamedTuple):
    """How things are: counts of this worker, and what all workers know of accounts (by state), of
    the age of the lists of models, in seconds, None without a list, and of other workers.
    """

    answers: int
    waiting: int
    connections: int
    ready: bool
    accounts: Mapping[str, int]
    catalogue_age: float | None
    stuck_workers: int


class SoFar(NamedTuple):
    """What this process has counted elsewhere: log lines dropped, refreshes by outcome."""

    dropped: int
    refreshes: Mapping[str, int]


class Sampler:
    """Writes ``now()`` and what ``so_far()`` has grown by."""

    def __init__(
        self, store: Store, version: str, now: Callable[[], Now], so_far: Callable[[], SoFar]
    ) -> None:
        self._store = store
        self._version = version
        self._now = now
        self._so_far = so_far
        self._before = SoFar(0, {})
        self._states: set[str] = set()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin to look, in a greenlet of its own; returns at once."""
        self._store.cell(table.STARTS).add()
        self._store.cell(table.WORKERS).set(1)
        self._store.cell(table.BUILD, self._version).set(1)
        # or these begin with their first event, which Prometheus does not take for growth
        self._store.cell(table.DROPPED)
        for outcome in OUTCOMES:
            self._store.cell(table.REFRESHES, outcome)
        self._greenlet = gevent.spawn(self._run)

    def close(self) -> None:
        """Look once more, and never again."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self.look()

    def look(self) -> None:
        """Write how things are now."""
        now, cell = self._now(), self._store.cell
        cell(table.ANSWERS).set(now.answers)
        cell(table.WAITING).set(now.waiting)
        cell(table.CONNECTIONS).set(now.connections)
        cell(table.READY).set(now.ready)
        cell(table.STUCK).set(now.stuck_workers)
        self._states |= now.accounts.keys()
        for state in self._states:
            cell(table.ACCOUNTS, state).set(now.accounts.get(state, 0))
        if now.catalogue_age is not None:
            cell(table.CATALOGUE_AGE).set(now.catalogue_age)
        self._count(self._so_far())

    def _count(self, so_far: SoFar) -> None:
        if more := so_far.dropped - self._before.dropped:
            self._store.cell(table.DROPPED).add(more)
        for outcome, count in so_far.refreshes.items():
            if more := count - self._before.refreshes.get(outcome, 0):
                self._store.cell(table.REFRESHES, outcome).add(more)
        self._before = SoFar(so_far.dropped, dict(so_far.refreshes))

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except Exception:  # a mistake here must not end the look-out for good
                log.exception("figures of the worker could not be written")
            gevent.sleep(EVERY)
