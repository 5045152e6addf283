"""A thread that does something again and again, from its start until the store is closed."""

import threading
from collections.abc import Callable

_LONGEST_ACT = 10.0  # seconds


class Background:
    """Calls ``act`` whenever ``is_due`` says so, which is asked every ``interval`` seconds."""

    def __init__(
        self, act: Callable[[], None], is_due: Callable[[], bool], *, interval: float
    ) -> None:
        self._act = act
        self._is_due = is_due
        self._interval = interval
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, if it does not run yet. Not before a fork: threads do not survive one."""
        if not (self._stopped.is_set() or (self._thread and self._thread.is_alive())):
            self._thread = threading.Thread(target=self._run, name="background", daemon=True)
            self._thread.start()

    def stop(self) -> bool:
        """End, and wait for what runs now: a thread that ends after a fork fails in the child.
        False if it was stopped before.
        """
        was_stopped = self._stopped.is_set()
        self._stopped.set()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(_LONGEST_ACT)
        return not was_stopped

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            if self._is_due():
                self._act()
