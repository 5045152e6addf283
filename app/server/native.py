"""A native thread of the worker, for calls that would keep its loop waiting.

A greenlet that computes lets no other greenlet run. A native thread does: the interpreter switches
between threads every few milliseconds, only not in the middle of one call into C.
"""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, cast

import gevent
from gevent.threadpool import ThreadPool

_T = TypeVar("_T")

SWITCH = 0.0001
"""Seconds for which the loop waits at each turn while the thread computes. Each time that the loop
reads, writes or looks for events it gives its turn away, so at ten times as many seconds the events
of 40 streams beside a request of 4 MB come twice as late."""


LARGE = 256 * 1024
"""Bytes of a request that may take longer to work through than a loop should wait."""


def run(size: int, call: Callable[..., _T], *arguments: Any) -> _T:
    """What ``call`` returns or raises: called in the thread, while other greenlets run, if the
    request that it works through is large. One call runs there at a time, the others wait.

    ``call`` must do no IO, and use nothing of gevent and no context variables.
    """
    return call(*arguments) if size <= LARGE else apart(call, *arguments)


def apart(call: Callable[..., _T], *arguments: Any) -> _T:
    """What ``call`` returns or raises, called in the thread whatever its size."""
    result, error = _pool().apply(_attempt, (call, arguments))
    if error is None:
        return cast(_T, result)
    try:
        raise error
    finally:
        del error  # its traceback refers to this frame: a cycle would keep the request


def _attempt(call: Callable[..., _T], arguments: Any) -> tuple[_T | None, Exception | None]:
    """What a call returns, or raises: gevent writes what a thread raises to stderr."""
    try:
        return call(*arguments), None
    except Exception as error:
        return None, error


@cache
def _pool() -> ThreadPool:
    """Made on first use, which is after the fork: threads do not survive one."""
    sys.setswitchinterval(SWITCH)
    return ThreadPool(1, hub=gevent.get_hub())
