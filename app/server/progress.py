"""Which answers are in progress, in all workers of a master: a row for each, in memory they share.

A row is written when the answer is waited for, changed once when its content begins to come, and
freed at its end; no event of an answer costs anything. A worker has ``ROWS`` of them: answers
beyond are counted, and not listed. No prompt and no secret is in a row.
"""

from mmap import mmap
from struct import Struct
from time import monotonic, time
from typing import NamedTuple

from .spread import SLOTS

ROWS = 256
"""Answers of one worker that can be listed: more than anybody reads."""

_ROW = Struct("d?64s64s16s46s")  # when it began, in its own place: 0 if the row is free
_BEGAN = Struct("d")
_HEAD = Struct("dd")  # how many answers are in progress, and how many rows were ever used
_STREAMING = _BEGAN.size
_PART = _HEAD.size + ROWS * _ROW.size

TRIES = 3
"""How often a row that is being written is read."""


class Answer(NamedTuple):
    """One answer in progress. ``began``: when its request arrived, in seconds since the epoch.
    ``streaming``: its content comes. ``key`` is the name of the client's key, ``model`` what the
    client asks for, ``client`` its address. What is too long is cut.
    """

    began: float
    streaming: bool
    key: str
    model: str
    dialect: str
    client: str


class Board:
    """The rows of all workers of a master: memory that it shares with those it forks. Only its
    worker writes into a part, so nothing is locked.
    """

    def __init__(self, parts: int = SLOTS) -> None:
        self._parts = parts
        self.cells = memoryview(mmap(-1, parts * _PART))  # what nobody writes takes no memory

    def part(self, age: int) -> int:
        """Where the part of a worker begins. ``age`` is gunicorn's count of workers."""
        return age % self._parts * _PART

    def clear(self, age: int) -> None:
        """The worker is gone, or has only begun."""
        start = self.part(age)
        _, used = _HEAD.unpack_from(self.cells, start)
        for row in range(int(used)):
            _BEGAN.pack_into(self.cells, start + _HEAD.size + row * _ROW.size, 0.0)
        _HEAD.pack_into(self.cells, start, 0.0, 0.0)

    def count(self) -> int:
        """Answers in progress, listed or not."""
        return sum(int(_HEAD.unpack_from(self.cells, at)[0]) for at in self._starts())

    def answers(self) -> list[Answer]:
        """Those that are listed, the oldest first."""
        found = []
        for start in self._starts():
            answers, used = _HEAD.unpack_from(self.cells, start)
            for row in range(int(used) if answers else 0):
                answer = self._read(start + _HEAD.size + row * _ROW.size)
                if answer is not None:
                    found.append(answer)
        return sorted(found)

    def _starts(self) -> range:
        return range(0, self._parts * _PART, _PART)

    def _read(self, at: int) -> Answer | None:
        """The answer of a row; None if it is free, or another one at each look: a mixture of two
        answers would show the one's key with the other's model."""
        for _ in range(TRIES):
            seen = self._row(at)
            if seen == self._row(at):
                began, streaming, *texts = _ROW.unpack(seen)
                return Answer(began, streaming, *map(_text, texts)) if began else None
        return None

    def _row(self, at: int) -> bytes:
        return bytes(self.cells[at : at + _ROW.size])


BOARD = Board()
"""Made when the master loads this module, before it forks."""


class Rows:
    """The rows of one worker."""

    def __init__(self, age: int, board: Board = BOARD) -> None:
        board.clear(age)
        self._cells = board.cells
        self._start = board.part(age)
        self._count = self._used = 0
        self._free: list[int] = []

    def begin(self, started: float, key: str, model: str, dialect: str, client: str) -> int:
        """Take a row for an answer, whose request arrived at ``started`` of the monotonic clock.
        What is returned is for :meth:`stream` and :meth:`end`.
        """
        self._count += 1
        at = self._take()
        if at:
            began = time() - (monotonic() - started)
            texts = [text.encode(errors="replace") for text in (key, model, dialect, client)]
            _ROW.pack_into(self._cells, at, 0.0, False, *texts)
            _BEGAN.pack_into(self._cells, at, began)  # now the row is whole
        self._head()
        return at

    def stream(self, at: int) -> None:
        """The content of the answer begins to come."""
        if at:
            self._cells[at + _STREAMING] = 1

    def end(self, at: int) -> None:
        """The answer is over."""
        self._count -= 1
        if at:
            _BEGAN.pack_into(self._cells, at, 0.0)
            self._free.append(at)
        self._head()

    def _take(self) -> int:
        """Where a free row is, 0 if there is none."""
        if self._free:
            return self._free.pop()
        if self._used == ROWS:
            return 0
        self._used += 1
        return self._start + _HEAD.size + (self._used - 1) * _ROW.size

    def _head(self) -> None:
        _HEAD.pack_into(self._cells, self._start, self._count, self._used)


def _text(cell: bytes) -> str:
    return cell.rstrip(b"\0").decode(errors="ignore")
