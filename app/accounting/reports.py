"""Reports made by a worker, beside its answers."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

import gevent
from gevent.lock import Semaphore

from app.common.errors import GatewayError, Kind

from . import report
from .entry import Entry, Query, Speed
from .report import Reader, Report

if TYPE_CHECKING:
    from .host_store import HostReader

_T = TypeVar("_T")

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
            made = partial(report.make, self._reader, query, time.time())
            return _read(made, self._reader.ERRORS, in_thread=self._in_thread)


class Recent:
    """The last requests of this host, as the reports are made: beside the answers."""

    def __init__(self, reader: "HostReader") -> None:
        self._reader = reader
        self._turn = Semaphore(AT_ONCE)

    def last(self, key: str, most: int) -> list[Entry]:
        """The last requests, the newest first; of one key unless "". Raises GatewayError."""
        with self._turn:
            return _read(partial(self._reader.recent, key, most), self._reader.ERRORS)

    def speeds(self, key: str, since: float, most: int) -> list[Speed]:
        """How fast whole answers were. Raises GatewayError."""
        with self._turn:
            return _read(partial(self._reader.speeds, since, key, most), self._reader.ERRORS)


def _read(
    call: Callable[[], _T], errors: tuple[type[Exception], ...], *, in_thread: bool = True
) -> _T:
    """What ``call`` returns. Raises GatewayError UNAVAILABLE for one of the errors."""
    if in_thread:
        found, error = gevent.get_hub().threadpool.apply(_attempt, (call, errors))
    else:
        found, error = _attempt(call, errors)
    if error is not None:
        why = f"What was used cannot be read now ({type(error).__name__}); try again."
        raise GatewayError(Kind.UNAVAILABLE, why)
    return cast(_T, found)


def _attempt(
    call: Callable[[], _T], errors: tuple[type[Exception], ...]
) -> tuple[_T | None, Exception | None]:
    """gevent writes what a thread raises to stderr."""
    try:
        return call(), None
    except errors as error:
        return None, error
