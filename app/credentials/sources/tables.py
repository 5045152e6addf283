"""Reads the SQLite tables in which kiro-cli and the Amazon Q CLI store logins.

Imported only if such a database exists: SQLite takes a megabyte that other logins do not need.
"""

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote

Unreadable = sqlite3.Error
"""The error that :func:`read` raises."""

_BUSY_TIMEOUT = 0.2  # seconds; waiting blocks the whole event loop


def read(path: Path, state_key: str) -> tuple[dict[str, str], str]:
    """The rows of the token table, and the text of ``state_key`` in the state table ("" if absent).
    Raises Unreadable.
    """
    try:
        return _query(path, state_key, "mode=ro")
    except sqlite3.OperationalError as error:
        if "unable to open" not in str(error):
            raise
        # a write-ahead log on a read-only file system: no process writes there
        return _query(path, state_key, "immutable=1")


def _query(path: Path, state_key: str, mode: str) -> tuple[dict[str, str], str]:
    url = f"file:{quote(str(path))}?{mode}"
    with contextlib.closing(sqlite3.connect(url, uri=True, timeout=_BUSY_TIMEOUT)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        rows: dict[str, str] = {}
        state = ""
        if "auth_kv" in tables:
            rows = dict(database.execute("SELECT key, value FROM auth_kv"))
        if "state" in tables:
            query = "SELECT CAST(value AS TEXT) FROM state WHERE key = ?"
            for (value,) in database.execute(query, (state_key,)):
                state = value
        return rows, state
