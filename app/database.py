"""SQLite files that all workers of a host share, in the directory of refreshed tokens.

Calls wait for the disk, so they belong into a native thread; each process opens a file for itself,
after the fork. Only their owner can read the files.
"""

import errno
import os
import sqlite3
from pathlib import Path
from typing import Literal

from filelock import FileLock

from app import files

BUSY = 5.0
"""Seconds to wait while another process writes."""

ERRORS: tuple[type[Exception], ...] = (sqlite3.Error, OSError)
"""What opening and using a file raises."""


def shared(
    path: Path, schema: str, *, flush: Literal["FULL", "NORMAL"] = "FULL"
) -> sqlite3.Connection:
    """The file, made with its tables if it is not there. ``schema`` makes them unless they exist.
    ``FULL``: what was committed survives a power cut; ``NORMAL``: the last of it may be lost, the
    rest is whole. Usable in any one thread at a time. Raises one of :data:`ERRORS`.
    """
    files.private_directory(path.parent)
    if why := files.why_unsafe(path.parent):
        raise PermissionError(errno.EPERM, why)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    try:
        # two processes that make the file at once would find each other's lock at once, unwaited
        with FileLock(f"{path}.lock", timeout=BUSY, mode=0o600, thread_local=False):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(schema)
        connection.execute(f"PRAGMA synchronous={flush}")
        connection.execute(f"PRAGMA journal_size_limit={4 << 20}")
    except BaseException:
        connection.close()
        raise
    return connection


def existing(path: Path) -> sqlite3.Connection | None:
    """The file for reading, None if it is not there. Raises one of :data:`ERRORS`."""
    if not path.exists():
        return None
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(
        uri, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False
    )
