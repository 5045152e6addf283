"""The answers of this host, one row each, and their sums by day: a SQLite file that outlives
restarts. Reports of months read the sums.

Its methods wait for the disk: call them in a native thread.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import astuple

from app.common import database

from .entry import COUNTERS, Entry, Query, Reading, Scope, Speed, Total, added, day, total

FILE = "usage.db"
TIDY_EVERY = 600.0
TIDY_AT_ONCE = 5000
"""Answers that one write removes, which holds the lock of the file meanwhile."""

_COLUMNS = Entry.__struct_fields__

_NAMES = ("day", "key", "model", "account", "client")

_SCHEMA = f"""
CREATE TABLE answers ({", ".join(_COLUMNS)});
CREATE INDEX answers_at ON answers (at);
CREATE INDEX answers_key_at ON answers (key, at);
CREATE TABLE refused ({", ".join(_COLUMNS)});
CREATE TABLE sums ({", ".join((*_NAMES, *COUNTERS))}, PRIMARY KEY ({", ".join(_NAMES)}))
  WITHOUT ROWID;
CREATE TABLE lost (at REAL NOT NULL, answers INTEGER NOT NULL);
CREATE TABLE recorded (account TEXT PRIMARY KEY, credits INTEGER NOT NULL);
CREATE TABLE readings (account TEXT, at REAL, used INTEGER, quota INTEGER,
  resets_at REAL, recorded INTEGER, PRIMARY KEY (account, at)) WITHOUT ROWID;
"""
_PLACES = ", ".join("?" * len(_COLUMNS))
_INSERT = f"INSERT INTO answers VALUES ({_PLACES})"  # nosec B608
_REFUSE = f"INSERT INTO refused VALUES ({_PLACES})"  # nosec B608
_REFUSED = 1000
_FORGET = "DELETE FROM refused WHERE rowid <= (SELECT max(rowid) FROM refused) - ?"
_ADD = (
    f"INSERT INTO sums VALUES ({', '.join('?' * (len(_NAMES) + len(COUNTERS)))})"  # nosec B608
    f" ON CONFLICT DO UPDATE SET {', '.join(f'{one} = {one} + excluded.{one}' for one in COUNTERS)}"
)
_RECORD = """
INSERT INTO recorded VALUES (?, ?) ON CONFLICT DO UPDATE SET credits = credits + excluded.credits
"""
_READING = """
INSERT OR IGNORE INTO readings SELECT ?, ?, ?, ?, ?,
  coalesce((SELECT credits FROM recorded WHERE account = ?), 0)
"""
_OF_ANSWERS = {
    "requests": "count(*)",
    "failed": "sum(error != '' OR cancelled)",
    "credits": "coalesce(sum(credits), 0)",
    "unpriced": "sum(credits IS NULL)",
}
_SUM_ANSWERS = ", ".join(_OF_ANSWERS.get(name, f"sum({name})") for name in COUNTERS)
_SUM_SUMS = ", ".join(f"sum({name})" for name in COUNTERS)
_DAY = "strftime('%Y-%m-%d', at, 'unixepoch')"


class HostStore:
    """Every method raises one of :attr:`ERRORS`. What is older than ``days`` is removed. Of
    requests that were refused before a model was chosen, the last thousand are kept.
    """

    ERRORS = database.ERRORS

    def __init__(self, path: Path, *, days: int) -> None:
        self._path = path
        self._seconds = days * 86400.0
        self._opened: sqlite3.Connection | None = None
        self._tidied = 0.0

    def write(self, _batch: str, entries: Sequence[Entry], lost: int, now: float) -> None:
        """Keep the answers, all or none of them. ``lost``: so many before them could not be."""
        spent: Counter[str] = Counter()
        sums: defaultdict[tuple[str, ...], list[Total]] = defaultdict(list)
        rows, refused = [], []
        for one in entries:
            row = astuple(one)
            if not one.model:
                refused.append(row)
                continue
            rows.append(row)
            spent[one.account] += one.credits or 0
            sums[one.day, one.key, one.model, one.account, one.client].append(total(one))
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        with connection:  # commits, or rolls back
            connection.executemany(_INSERT, rows)
            connection.executemany(_ADD, [_row(names, sums[names]) for names in sums])
            connection.executemany(_RECORD, spent.items())
            if refused:
                connection.executemany(_REFUSE, refused)
                connection.execute(_FORGET, (_REFUSED,))
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
        oldest = now - self._seconds
        removed = connection.execute(
            "DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers WHERE at < ? LIMIT ?)",
            (oldest, TIDY_AT_ONCE),
        ).rowcount
        if removed == TIDY_AT_ONCE:  # the next write goes on
            return
        self._tidied = now
        connection.execute("DELETE FROM sums WHERE day < ?", (day(oldest),))
        for table in ("refused", "lost", "readings"):
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
        """What the answers have cost, by name: those of the first day, which may begin in the
        middle, by the answers, those of the other days by their sums.
        """
        next_day = _end_of_day(query.since)
        of_key, values = ("AND key = ?", [query.key]) if query.key else ("", [])
        name = _DAY if query.by == "day" else query.by
        found = self._rows(
            f"SELECT {name}, {_SUM_ANSWERS} FROM answers"  # nosec B608
            f" WHERE at >= ? AND at < ? {of_key} GROUP BY 1",
            [query.since, next_day, *values],
        )
        found += self._rows(
            f"SELECT {query.by}, {_SUM_SUMS} FROM sums"  # nosec B608
            f" WHERE day >= ? {of_key} GROUP BY 1",
            [day(next_day), *values],
        )
        by_name: defaultdict[str, list[Total]] = defaultdict(list)
        for shown, *counts in found:
            by_name[shown].append(Total(**dict(zip(COUNTERS, counts, strict=True))))
        return [added(totals, shown) for shown, totals in by_name.items()]

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

    def recent(self, key: str, most: int) -> list[Entry]:
        """The last requests, the newest first, those refused among them; of one key unless ""."""
        found: list[Entry] = []
        for table in ("answers", "refused"):
            where, values = ("WHERE key = ?", [key]) if key else ("", [])
            rows = self._rows(
                f"SELECT * FROM {table} {where} ORDER BY at DESC LIMIT ?",  # nosec B608
                [*values, most],
            )
            found += [Entry(*row) for row in rows]
        found.sort(key=lambda one: -one.at)
        return found[:most]

    def speeds(self, since: float, key: str, most: int) -> list[Speed]:
        """How fast the answers without an error were, the newest first; of one key unless ""."""
        rows = self._rows(
            "SELECT at, first_event, total, output_tokens FROM answers WHERE at >= ? AND error = ''"
            " AND first_event IS NOT NULL AND (? = '' OR key = ?) ORDER BY at DESC LIMIT ?",
            [since, key, key, most],
        )
        return [Speed(*row) for row in rows]

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        connection = database.existing(self._path)
        if connection is None:
            return []
        try:
            return connection.execute(statement, values).fetchall()
        finally:
            connection.close()


def _row(names: tuple[str, ...], totals: list[Total]) -> list[object]:
    sums = added(totals)
    return [*names, *(getattr(sums, counter) for counter in COUNTERS)]


def _end_of_day(at: float) -> float:
    """When the day of that moment is over; the moment itself if a day begins with it."""
    start = datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return at if start.timestamp() == at else (start + timedelta(days=1)).timestamp()
