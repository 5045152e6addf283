"""Kept values for all workers of a host: a SQLite file.

Calls wait for the disk, so they belong into a native thread, always the same one. Each process
opens the file for itself, after the fork. Nothing is flushed to disk: what the file holds is of no
use once the processes that know its key have ended.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

BUSY = 5.0
"""Seconds to wait while another worker writes."""

_EXPIRED_AT_ONCE = 1000
_PAGE = 4096

_SCHEMA = """
PRAGMA journal_mode=WAL;
CREATE TABLE kept (name BLOB PRIMARY KEY, ends REAL NOT NULL, bytes INTEGER NOT NULL,
  value BLOB NOT NULL);
CREATE INDEX by_end ON kept (ends);
CREATE TABLE total (bytes INTEGER NOT NULL);
INSERT INTO total VALUES (0);
CREATE TRIGGER kept_added AFTER INSERT ON kept
  BEGIN UPDATE total SET bytes = bytes + new.bytes; END;
CREATE TRIGGER kept_removed AFTER DELETE ON kept
  BEGIN UPDATE total SET bytes = bytes - old.bytes; END;
"""


def create(path: Path) -> None:
    """Make the file, which only its owner can read; so are those that SQLite puts beside it.
    Raises OSError.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript(_SCHEMA)
    except sqlite3.Error as error:
        raise OSError(0, f"SQLite: {error}") from None
    finally:
        connection.close()


class HostStore:
    """Sealed values by name, each until its time is over. ``most`` bounds the bytes of all: the
    oldest make room. Every method raises one of :attr:`ERRORS`.
    """

    ERRORS = (sqlite3.Error, OSError)

    def __init__(
        self, path: Path, *, ttl: float, most: int, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._ttl = ttl
        self._most = most
        self._now = now
        self._opened: sqlite3.Connection | None = None

    def put(self, name: bytes, value: bytes) -> None:
        """Keep the value in place of another of that name."""
        self.change(name, lambda _: value)

    def get(self, name: bytes) -> bytes | None:
        """The value, None if it is not there any more."""
        asked = "SELECT value FROM kept WHERE name = ? AND ends > ?"
        row = self._connection().execute(asked, (name, self._now())).fetchone()
        return row[0] if row else None

    def delete(self, name: bytes) -> bool:
        """Whether there was such a value."""
        there = self.get(name) is not None
        self._connection().execute("DELETE FROM kept WHERE name = ?", (name,))
        return there

    def change(self, name: bytes, make: Callable[[bytes | None], bytes | None]) -> None:
        """Replace the value by ``make`` of it, while no other worker writes; None changes
        nothing."""
        connection, now = self._connection(), self._now()
        connection.execute("BEGIN IMMEDIATE")
        with connection:  # commits, or rolls back
            value = make(self.get(name))
            if value is None:
                return
            connection.execute("DELETE FROM kept WHERE name = ?", (name,))
            connection.execute(
                "DELETE FROM kept WHERE rowid IN"
                " (SELECT rowid FROM kept WHERE ends <= ? ORDER BY ends LIMIT ?)",
                (now, _EXPIRED_AT_ONCE),
            )
            row = (name, now + self._ttl, len(value) + _overhead(name), value)
            connection.execute("INSERT INTO kept VALUES (?, ?, ?, ?)", row)
            self._make_room(connection)

    def size(self) -> int:
        """Bytes of all values, with what SQLite needs for each."""
        total: int = self._connection().execute("SELECT bytes FROM total").fetchone()[0]
        return total

    def close(self) -> None:
        """Idempotent."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _make_room(self, connection: sqlite3.Connection) -> None:
        while self.size() > self._most:
            connection.execute(
                "DELETE FROM kept WHERE rowid IN (SELECT rowid FROM kept ORDER BY ends LIMIT 1)"
            )

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            # a file that was removed must not come back, empty and readable for others
            uri = f"{self._path.absolute().as_uri()}?mode=rw"
            self._opened = sqlite3.connect(
                uri, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False
            )
            self._opened.execute("PRAGMA synchronous=OFF")
            self._opened.execute(f"PRAGMA max_page_count={2 * self._most // _PAGE + 1000}")
            self._opened.execute(f"PRAGMA journal_size_limit={4 << 20}")
        return self._opened


def _overhead(name: bytes) -> int:
    return len(name) + 100
