"""Reports made by a worker, beside its answers."""

import time
from typing import Any

import gevent
from gevent.lock import Semaphore

from app.errors import GatewayError, Kind

from . import report
from .entry import Query
from .report import Reader, Report

AT_ONCE = 2
"""Reports made at the same time in a worker; others wait for their turn."""


class Reports:
    """``in_thread``: whether the reader's calls block."""

    def __init__(self, reader: Reader, *, in_thread: bool) -> None:
        self._reader = reader
        self._in_thread = in_thread
        self._turn = Semaphore(AT_ONCE)

    def make(self, query: Query) -> Report:
        """The report. Raises GatewayError UNAVAILABLE if what is kept cannot be read."""
        with self._turn:
            if self._in_thread:
                found, error = gevent.get_hub().threadpool.apply(self._attempt, (query,))
            else:
                found, error = self._attempt(query)
        if error is not None:
            why = f"What was used cannot be read now ({type(error).__name__}); try again."
            raise GatewayError(Kind.UNAVAILABLE, why)
        return found  # type: ignore[no-any-return]

    def _attempt(self, query: Query) -> tuple[Any, Exception | None]:
        """gevent writes what a thread raises to stderr."""
        try:
            return report.make(self._reader, query, time.time()), None
        except self._reader.ERRORS as error:
            return None, error
