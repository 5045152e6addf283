"""The answers of this host, one row each: a SQLite file that outlives restarts.

Its methods wait for the disk: call them in a native thread.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app import database

from .entry import COUNTERS, Entry, Query, Reading, Scope, Total

FILE = "usage.db"
TIDY_EVERY = 600.0
_TIDY_AT_ONCE = 5000
_COLUMNS = Entry.__struct_fields__

_SCHEMA = f"""
CREATE TABLE answers ({", ".join(_COLUMNS)});
CREATE INDEX answers_at ON answers (at);
CREATE INDEX answers_key_at ON answers (key, at);
CREATE TABLE lost (at REAL NOT NULL, answers INTEGER NOT NULL);
CREATE TABLE recorded (account TEXT PRIMARY KEY, credits INTEGER NOT NULL);
CREATE TABLE readings (account TEXT, at REAL, used INTEGER, quota INTEGER,
  resets_at REAL, recorded INTEGER, PRIMARY KEY (account, at)) WITHOUT ROWID;
"""
_INSERT = f"INSERT INTO answers VALUES ({', '.join('?' * len(_COLUMNS))})"  # nosec B608
_RECORD = """
INSERT INTO recorded VALUES (?, ?) ON CONFLICT DO UPDATE SET credits = credits + excluded.credits
"""
_READING = """
INSERT OR IGNORE INTO readings SELECT ?, ?, ?, ?, ?,
  coalesce((SELECT credits FROM recorded WHERE account = ?), 0)
"""
_NAMES = {"day": "strftime('%Y-%m-%d', at, 'unixepoch')"}
_SUMS = {
    "requests": "count(*)",
    "failed": "sum(error != '' OR cancelled)",
    "credits": "coalesce(sum(credits), 0)",
    "unpriced": "sum(credits IS NULL)",
}
_TOTALS = ", ".join(_SUMS.get(name, f"sum({name})") for name in COUNTERS)


class HostStore:
    """Every method raises one of :attr:`ERRORS`. What is older than ``days`` is removed."""

    ERRORS = database.ERRORS

    def __init__(self, path: Path, *, days: int) -> None:
        self._path = path
        self._seconds = days * 86400.0
        self._opened: sqlite3.Connection | None = None
        self._tidied = 0.0

    def write(self, _batch: str, entries: Sequence[Entry], lost: int, now: float) -> None:
        """Keep the answers, all or none of them. ``lost``: so many before them could not be."""
        spent: Counter[str] = Counter()
        rows = []
        for one in entries:
            rows.append([getattr(one, name) for name in _COLUMNS])
            spent[one.account] += one.credits or 0
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        with connection:  # commits, or rolls back
            connection.executemany(_INSERT, rows)
            connection.executemany(_RECORD, spent.items())
            if lost:
                connection.execute("INSERT INTO lost VALUES (?, ?)", (now, lost))
            self._tidy(connection, now)

    def read_quota(self, reading: Reading) -> None:
        """Keep what the service says of an account, with what is recorded of it here."""
        values = (reading.account, reading.at, reading.used, reading.limit, reading.resets_at)
        self._connection().execute(_READING, (*values, reading.account))

    def close(self) -> None:
        """Idempotent."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _tidy(self, connection: sqlite3.Connection, now: float) -> None:
        if 0 <= now - self._tidied < TIDY_EVERY:
            return
        self._tidied = now
        oldest = now - self._seconds
        connection.execute(
            "DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers WHERE at < ? LIMIT ?)",
            (oldest, _TIDY_AT_ONCE),
        )
        for table in ("lost", "readings"):
            connection.execute(f"DELETE FROM {table} WHERE at < ?", (oldest,))  # nosec B608

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = database.shared(self._path, _SCHEMA)
        return self._opened


class HostReader:
    """Reads the file, whoever writes it. Every method opens it anew, so several may run at once;
    each raises one of :attr:`ERRORS`.
    """

    ERRORS = database.ERRORS
    scope: Scope = "host"

    def __init__(self, path: Path) -> None:
        self._path = path

    def begins(self, query: Query) -> float:
        """From when on the answers of a query are added up."""
        return query.since

    def totals(self, query: Query) -> list[Total]:
        """What the answers have cost, by name."""
        name = _NAMES.get(query.by, query.by)
        where, values = "at >= ?", [query.since]
        if query.key:
            where, values = "key = ? AND at >= ?", [query.key, query.since]  # type: ignore[list-item]
        rows = self._rows(
            f"SELECT {name}, {_TOTALS} FROM answers WHERE {where} GROUP BY 1",  # nosec B608
            values,
        )
        return [Total(name=row[0], **dict(zip(COUNTERS, row[1:], strict=True))) for row in rows]

    def lost(self, since: float) -> int:
        """How many answers could not be kept."""
        ((count,),) = self._rows(
            "SELECT coalesce(sum(answers), 0) FROM lost WHERE at >= ?", [since]
        ) or [(0,)]
        return int(count)

    def readings(self, since: float) -> list[Reading]:
        """What the service said of the accounts, the oldest first."""
        rows = self._rows("SELECT * FROM readings WHERE at >= ? ORDER BY at", [since])
        return [Reading(*row) for row in rows]

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        connection = database.existing(self._path)
        if connection is None:
            return []
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()
