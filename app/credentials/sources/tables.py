"""Reads the tables in which kiro-cli and the Amazon Q CLI keep logins.

Loaded where there is such a database: SQLite is a megabyte that other logins have no use for.
"""

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote

Unreadable = sqlite3.Error
"""What :func:`read` raises."""

_BUSY_TIMEOUT = 0.2  # seconds; it holds up the whole event loop


def read(path: Path, chosen: str) -> tuple[dict[str, str], str]:
    """The table of tokens, and the text that the state has under ``chosen``, "" where it has none.
    Raises Unreadable.
    """
    try:
        return _query(path, chosen, "mode=ro")
    except sqlite3.OperationalError as error:
        if "unable to open" not in str(error):
            raise
        # a write-ahead log on a read-only file system: nobody writes there
        return _query(path, chosen, "immutable=1")


def _query(path: Path, chosen: str, mode: str) -> tuple[dict[str, str], str]:
    url = f"file:{quote(str(path))}?{mode}"
    with contextlib.closing(sqlite3.connect(url, uri=True, timeout=_BUSY_TIMEOUT)) as database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        rows: dict[str, str] = {}
        state = ""
        if "auth_kv" in tables:
            rows = dict(database.execute("SELECT key, value FROM auth_kv"))
        if "state" in tables:
            query = "SELECT CAST(value AS TEXT) FROM state WHERE key = ?"
            for (value,) in database.execute(query, (chosen,)):
                state = value
        return rows, state
