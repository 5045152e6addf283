"""Greenlets that are used again, for what a request does beside its own greenlet.

A new greenlet costs two turns of the event loop and a memory map for its frames. One that waits for
its next task is switched to at once, and switches back to whoever waits for the end of the task.
"""

from collections.abc import Callable
from contextvars import copy_context
from math import inf
from typing import Any

import gevent
from gevent import get_hub, getcurrent

MOST_IDLE = 32
"""Greenlets that are kept: as many as there are tasks at a time in a busy worker, mostly."""


class Runners:
    """The greenlets of one worker. Each serves the thread that it was made in."""

    def __init__(self) -> None:
        self._idle: list[Any] = []

    def task(self, function: Callable[[], object]) -> "Task":
        """A call of the function, which begins when it is waited for. What the function raises is
        nobody's result: it is reported as that of any greenlet.
        """
        return Task(self, function)

    def begin(self, task: "Task", hub: Any, *, later: bool) -> tuple[Any, bool]:
        """The greenlet for a task, and whether it will begin by itself, at the next turn of the
        loop. It does so if it is new, or if it is to begin ``later``; else switch to it.
        """
        idle = self._idle
        if not idle or idle[-1].parent is not hub:
            return gevent.spawn_raw(self._run, task), True
        runner = idle.pop()
        if later:
            hub.loop.run_callback(runner.switch, task)
        return runner, later

    def _run(self, task: Any) -> None:
        own, hub, waiter = getcurrent(), get_hub(), None
        while True:
            try:
                task.call()
            except BaseException:
                task.end_later(hub)
                raise
            if len(self._idle) >= MOST_IDLE:
                task.end_later(hub)
                return
            waiter, task = task.end(), None  # what waits for a task refers to no request
            self._idle.append(own)
            task = hub.switch() if waiter is None else waiter.switch()
            waiter = None


class Task:
    """A function in a greenlet of its own, with the context variables of whoever has made it."""

    __slots__ = ("_context", "_function", "_runner", "_runners", "_waiter", "is_over")

    def __init__(self, runners: Runners, function: Callable[[], object]) -> None:
        self._runners = runners
        self._function: Any = function
        self._context: Any = copy_context()
        self._runner: Any = None  # the greenlet, once it has begun
        self._waiter: Any = None
        self.is_over = False

    def wait(self, seconds: float) -> bool:
        """Whether it is over, after so many seconds at most. For one greenlet at a time.

        With inf the function is called right here, unless it has begun: nothing else is to be done
        meanwhile.
        """
        if self.is_over:
            return True
        hub, by_itself = get_hub(), True
        if self._runner is None:
            if seconds == inf:
                self._runner = getcurrent()
                self._call_here()
                return True
            self._runner, by_itself = self._runners.begin(self, hub, later=seconds <= 0)
        return seconds > 0 and self._wait(hub, seconds, by_itself)

    def _call_here(self) -> None:
        try:
            self._function()
        finally:
            self.end()

    def _wait(self, hub: Any, seconds: float, by_itself: bool) -> bool:
        timer = None
        if seconds < inf:
            timer = hub.loop.timer(seconds)
            timer.start(self._wake)
        self._waiter = getcurrent()
        try:
            if by_itself:
                hub.switch()
            else:
                self._runner.switch(self)
        finally:
            self._waiter = None
            if timer is not None:
                timer.stop()
                timer.close()
        return self.is_over

    def _wake(self) -> None:
        if self._waiter is not None:
            self._waiter.switch()

    def cancel(self) -> None:
        """Raise GreenletExit where it waits, soon. One that has not begun never begins."""
        if self._runner is None:
            self.end()
        elif not self.is_over:
            get_hub().loop.run_callback(self._throw)

    def _throw(self) -> None:
        if not self.is_over:
            self._runner.throw(gevent.GreenletExit)

    def call(self) -> None:
        """Call the function, in the greenlet that was found for it."""
        self._context.run(self._function)

    def end(self) -> Any:
        """It is over: refer to nothing of it any more. The greenlet that waits for that."""
        self.is_over = True
        self._function = self._context = self._runner = None
        return self._waiter

    def end_later(self, hub: Any) -> None:
        """The same, for a greenlet that ends with it: who waits goes on at the next turn."""
        if self.end() is not None:
            hub.loop.run_callback(self._wake)
