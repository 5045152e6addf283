"""Which worker accepts a new connection: the one that has the fewest requests.

All workers of a master wait on the same listening socket, and the kernel lets whoever comes first
have the connection: of hundreds that arrive at once, the worker that is awake would take most. So
each writes its load where the others see it, and one that has more than another leaves the new
connection to that one.

A worker that does not come for it, since something blocks it, is waited for once, for ``PATIENCE``
seconds, and counts again as soon as it gives a sign of life. After ``STUCK`` seconds the others say
that it is stuck; the master ends it after gunicorn's ``timeout``.
"""

from collections.abc import Callable, Iterator
from mmap import mmap
from time import monotonic
from typing import Any

from gevent import get_hub
from gevent.server import StreamServer

SLOTS = 256
"""Of a board. More than twice the workers that a master may have, since a reload doubles them."""

SLACK = 1
"""How many requests more than the least loaded worker one may have and still accept."""

PATIENCE = 0.25
"""Seconds that a worker waits for one with a smaller load."""

PAUSE = 0.002
"""Seconds between two looks while it waits."""

GONE = 1.0
"""Seconds without a sign of life after which a worker is not counted at all."""

STUCK = 5.0
"""Seconds without a sign of life after which a worker that was not ended is said to be stuck."""

MAX_ACCEPT = 16
"""Connections accepted in one turn of the loop: whoever is connected waits a millisecond or two for
those who connect, however many there are."""


class Board:
    """The loads of all workers of a master: memory that it shares with those it forks.

    Each slot has one writer, its worker, so nothing is locked. ``own``: the slot of this process.
    """

    def __init__(self) -> None:
        self._cells = memoryview(mmap(-1, SLOTS * 16)).cast("d")  # a load, and when it was written
        self.own = -1

    def write(self, slot: int, load: int, now: float) -> None:
        """A worker's load now. ``now`` of 0: it is not there any more."""
        self._cells[2 * slot] = load
        self._cells[2 * slot + 1] = now

    def stuck(self, before: float) -> int:
        """How many other workers gave their last sign of life before that, and are still there."""
        signs = self._cells[1::2].tolist()
        return sum(0 < sign < before for slot, sign in enumerate(signs) if slot != self.own)

    def others(self, slot: int, since: float) -> Iterator[tuple[int, float, float]]:
        """Slot, load and sign of life of each other worker that has given one after ``since``."""
        signs = self._cells[1::2].tolist()
        for other, sign in enumerate(signs):
            if sign > since and other != slot:
                yield other, self._cells[2 * other], sign


BOARD = Board()
"""Made when the master loads this module, before it forks."""


def ended(age: int) -> None:
    """Called in the master: the process of this worker is gone, whatever ended it."""
    BOARD.write(age % SLOTS, 0, 0.0)


def stuck_workers() -> int:
    """How many other workers of this worker's master are stuck."""
    return BOARD.stuck(monotonic() - STUCK)


class Place:
    """One worker's place among the others. ``age`` is gunicorn's count of workers."""

    def __init__(
        self,
        age: int,
        load: Callable[[], int],
        *,
        board: Board = BOARD,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._slot = board.own = age % SLOTS  # the master makes it just before it forks
        self._load = load
        self._board = board
        self._clock = clock
        self._opening = 0  # connections that were accepted and whose greenlets have not begun
        self._waits_since = 0.0
        self._given_up: dict[int, float] = {}

    @property
    def is_opening(self) -> bool:
        """Whether a connection was accepted of which nothing else is known yet."""
        return self._opening > 0

    def show(self) -> None:
        """Tell the others that this worker lives, and its load."""
        self._board.write(self._slot, self._load() + self._opening, self._clock())

    def leave(self) -> None:
        """This worker accepts nothing any more."""
        self._board.write(self._slot, 0, 0.0)

    def accepted(self) -> None:
        """A connection was accepted; it counts at once, though nothing is known of it yet."""
        self._opening += 1
        self.show()

    def opened(self) -> None:
        """From now on it is part of the load."""
        self._opening -= 1

    def may_accept(self) -> bool:
        """Whether a new connection is for this worker, as far as is known."""
        now = self._clock()
        mine = self._load() + self._opening
        self._board.write(self._slot, mine, now)
        if mine <= SLACK:  # nobody can have so much less
            self._waits_since = 0.0
            return True
        ahead = {
            slot: sign
            for slot, load, sign in self._board.others(self._slot, now - GONE)
            if load + SLACK < mine and self._given_up.get(slot) != sign
        }
        if not ahead:
            self._waits_since = 0.0
            return True
        self._waits_since = self._waits_since or now
        if now - self._waits_since < PATIENCE:
            return False
        self._given_up = self._given_up | ahead
        self._waits_since = 0.0
        return True


class SpreadingServer(StreamServer):
    """gevent's server, which accepts what is for this worker."""

    max_accept = MAX_ACCEPT

    def __init__(self, listener: Any, handle: Any, *, place: Place, spawn: Any) -> None:
        super().__init__(listener, handle, spawn=spawn)
        self._place = place
        self._pause: Any = None

    def do_read(self) -> Any:
        """Accept one connection, or None if there is none for this worker."""
        if not self._place.may_accept():
            self.stop_accepting()
            self._pause = get_hub().loop.timer(PAUSE)
            self._pause.start(self._go_on)
            return None
        accepted = super().do_read()
        if accepted:
            self._place.accepted()
        return accepted

    def accept_rest(self) -> None:
        """Accept all who are connected already, before :meth:`close`: with the last socket that
        listens, the kernel resets whom nobody has accepted."""
        while not self.full() and (accepted := super().do_read()):
            self._place.accepted()
            self.do_handle(*accepted)

    def _go_on(self) -> None:
        self._pause.close()
        if self.started:
            self.start_accepting()
