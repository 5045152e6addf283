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

_WORD = 8  # bytes of a number, which a reader sees whole; each part and row begins at such a place
_HEAD = 2 * _WORD  # how many answers are in progress, and how many rows were ever used
_ROW = Struct("d?64s64s16s46sx")  # when it began: 0 if the row is free, and until it is whole
_REST = Struct(_ROW.format.removeprefix("d"))
_PART = _HEAD + ROWS * _ROW.size

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
        self.numbers = self.cells.cast("d")

    def part(self, age: int) -> int:
        """Where the part of a worker begins. ``age`` is gunicorn's count of workers."""
        return age % self._parts * _PART

    def clear(self, age: int) -> None:
        """The worker is gone, or has only begun."""
        start = self.part(age)
        for row in range(self._head(start)[1]):
            self.numbers[(start + _HEAD + row * _ROW.size) // _WORD] = 0.0
        self.numbers[start // _WORD] = self.numbers[start // _WORD + 1] = 0.0

    def count(self) -> int:
        """Answers in progress, listed or not."""
        return sum(self._head(start)[0] for start in self._starts())

    def answers(self) -> list[Answer]:
        """Those that are listed, the oldest first."""
        found = []
        for start in self._starts():
            answers, used = self._head(start)
            for row in range(used if answers else 0):
                answer = self._read(start + _HEAD + row * _ROW.size)
                if answer is not None:
                    found.append(answer)
        return sorted(found)

    def _starts(self) -> range:
        return range(0, self._parts * _PART, _PART)

    def _head(self, start: int) -> tuple[int, int]:
        """Of a part: how many answers are in progress, and how many rows were ever used."""
        return int(self.numbers[start // _WORD]), int(self.numbers[start // _WORD + 1])

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
        self._cells, self._numbers = board.cells, board.numbers
        self._start = board.part(age)
        self._head = self._start // _WORD
        self._count = self._used = 0
        self._free: list[int] = []

    def begin(self, started: float, key: str, model: str, dialect: str, client: str) -> int:
        """Take a row for an answer, whose request arrived at ``started`` of the monotonic clock.
        What is returned is for :meth:`stream` and :meth:`end`.
        """
        self._count += 1
        self._numbers[self._head] = self._count
        at = self._free.pop() if self._free else self._unused()
        if at:
            texts = [text.encode(errors="replace") for text in (key, model, dialect, client)]
            _REST.pack_into(self._cells, at + _WORD, False, *texts)
            self._numbers[at // _WORD] = time() - (monotonic() - started)  # now the row is whole
        return at

    def stream(self, at: int) -> None:
        """The content of the answer begins to come."""
        if at:
            self._cells[at + _WORD] = True

    def end(self, at: int) -> None:
        """The answer is over."""
        self._count -= 1
        self._numbers[self._head] = self._count
        if at:
            self._numbers[at // _WORD] = 0.0
            self._free.append(at)

    def _unused(self) -> int:
        """Where a row is that was never used, 0 if there is none."""
        if self._used == ROWS:
            return 0
        self._used += 1
        self._numbers[self._head + 1] = self._used
        return self._start + _HEAD + (self._used - 1) * _ROW.size


def _text(cell: bytes) -> str:
    return cell.rstrip(b"\0").decode(errors="ignore")
