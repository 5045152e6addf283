"""Reads batches of an answer one ahead, so that who takes them can stop waiting for the next."""

from collections.abc import Iterable, Sequence
from contextvars import copy_context
from typing import TypeAlias

import gevent
from gevent.queue import Empty, Queue

from app.core.events import Event

_Item: TypeAlias = Sequence[Event] | Exception | None


class Pump:
    """Reads in a greenlet of its own until :meth:`close`."""

    def __init__(self, batches: Iterable[Sequence[Event]]) -> None:
        self._read_ahead: Queue[_Item] = Queue(maxsize=1)
        self._reading = gevent.spawn(copy_context().run, self._read, batches)

    def take(self, seconds: float | None) -> Sequence[Event] | None:
        """The next batch, None at the end. Raises what reading raises, and ``gevent.queue.Empty``
        if nothing comes for so long; None waits on, and a time that is over not at all.
        """
        if seconds is not None and seconds <= 0:
            raise Empty
        item = self._read_ahead.get(timeout=seconds)
        if not isinstance(item, Exception):
            return item
        try:
            raise item
        finally:
            del item  # its traceback refers to this frame: a cycle would keep the request

    def close(self) -> None:
        """Stop reading. Idempotent."""
        self._reading.kill()

    def _read(self, batches: Iterable[Sequence[Event]]) -> None:
        try:
            for batch in batches:
                self._read_ahead.put(batch)
            self._read_ahead.put(None)
        except Exception as error:  # raised where it is taken
            self._read_ahead.put(error)
