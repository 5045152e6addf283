"""What the keys have spent, for all workers of a host: a SQLite file that outlives a restart.

Its methods wait for the disk: call them in a native thread.
"""

import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from app import database

from .budgets import MINUTE, Place, Sums, places

FILE = "budgets.db"
KEPT_DAYS = 40
"""Days that an amount is kept: longer than the longest period."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS spent (name TEXT NOT NULL, period TEXT NOT NULL, at INTEGER NOT NULL,
  amount INTEGER NOT NULL, PRIMARY KEY (name, period, at)) WITHOUT ROWID;
"""
_ADD = """
INSERT INTO spent VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET amount = amount + excluded.amount
"""


class Charge(NamedTuple):
    """What a key has spent, by where it counts. ``identity``: a charge that is made again, since
    nobody knows whether it was taken, counts once.
    """

    identity: str
    name: str
    amounts: Mapping[Place, int]


class Ledger(Protocol):
    """Keeps what was spent. Both methods raise one of :attr:`errors`."""

    errors: tuple[type[Exception], ...]

    def read(self, name: str, now: float) -> Sums:
        """What the key has spent in the periods of that moment, and in the minute before it."""

    def add(self, charges: Sequence[Charge], now: float) -> Mapping[str, Sums]:
        """Take the charges; what each of their keys has spent then."""

    def close(self) -> None:
        """Idempotent."""


def charge(name: str, micro_credits: int, tokens: int, now: float) -> Charge:
    """A charge of that moment. ``tokens`` is 0 for a key without a budget of tokens."""
    amounts = dict.fromkeys(places(now).values(), micro_credits) if micro_credits else {}
    if tokens:
        amounts["second", int(now)] = tokens
    return Charge(secrets.token_hex(8), name, amounts)


class HostLedger:
    """A :class:`Ledger` in the file of that path."""

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
