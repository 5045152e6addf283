"""What the keys have spent, for all workers of a host: a SQLite file that outlives a restart.

Its methods wait for the disk: call them in a native thread.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.common import database

from .budgets import MINUTE, Sums, places
from .ledger import KEPT_DAYS, Charge

FILE = "budgets.db"

_SCHEMA = """
CREATE TABLE spent (name TEXT NOT NULL, period TEXT NOT NULL, at INTEGER NOT NULL,
  amount INTEGER NOT NULL, PRIMARY KEY (name, period, at)) WITHOUT ROWID;
"""
_ADD = """
INSERT INTO spent VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET amount = amount + excluded.amount
"""


class HostLedger:
    """A :class:`~.ledger.Ledger` in the file of that path."""

    errors = database.ERRORS

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: sqlite3.Connection | None = None
        self._tidied = 0

    def read(self, name: str, now: float) -> Sums:
        current = [*places(now).values()]
        where = " OR ".join(["(period = ? AND at = ?)"] * len(current))
        rows = self._connection().execute(
            f"SELECT period, at, amount FROM spent WHERE name = ? AND ({where}"  # nosec B608
            " OR (period = 'second' AND at > ?))",
            [name, *(part for place in current for part in place), int(now) - MINUTE],
        )
        return {(period, at): amount for period, at, amount in rows}

    def add(self, charges: Sequence[Charge], now: float) -> Mapping[str, Sums]:
        rows = [
            (one.name, *place, amount) for one in charges for place, amount in one.amounts.items()
        ]
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        with connection:  # commits, or rolls back
            connection.executemany(_ADD, rows)
            self._tidy(connection, now)
            return {name: self.read(name, now) for name in {one.name for one in charges}}

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _tidy(self, connection: sqlite3.Connection, now: float) -> None:
        """Once a minute: remove what no budget counts any more."""
        if 0 <= now - self._tidied < MINUTE:
            return
        self._tidied = int(now)
        oldest = places(now)["day"][1] - KEPT_DAYS
        connection.execute(
            "DELETE FROM spent WHERE at < CASE period WHEN 'second' THEN ? ELSE ? END",
            (int(now) - 2 * MINUTE, oldest),
        )

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._opened = database.shared(self._path, _SCHEMA, flush="NORMAL")
        return self._opened
