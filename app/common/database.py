"""SQLite files that all workers of a host share, in the directory of refreshed tokens.

Calls wait for the disk, so they belong into a native thread; each process opens a file for itself,
after the fork. Only their owner can read the files.
"""

import contextlib
import errno
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Literal

from app.common import files

BUSY = 5.0
"""Seconds to wait while another process writes."""

ERRORS: tuple[type[Exception], ...] = (sqlite3.Error, OSError)
"""What opening and using a file raises."""


def shared(
    path: Path, schema: str, *, flush: Literal["FULL", "NORMAL"] = "FULL"
) -> sqlite3.Connection:
    """The file; if it is not there, it is made by ``schema``. ``FULL``: what was committed survives
    a power cut; ``NORMAL``: the last of it may be lost, the rest is whole. Usable in any one thread
    at a time. Raises one of :data:`ERRORS`.
    """
    files.private_directory(path.parent)
    if why := files.why_unsafe(path.parent):
        raise PermissionError(errno.EPERM, why)
    if not path.exists():
        _make(path, schema)
    connection = _open(path, "rw")
    try:
        connection.execute(f"PRAGMA synchronous={flush}")
        connection.execute(f"PRAGMA journal_size_limit={4 << 20}")
    except BaseException:
        connection.close()
        raise
    return connection


def existing(path: Path) -> sqlite3.Connection | None:
    """The file for reading, None if it is not there. Raises one of :data:`ERRORS`."""
    return _open(path, "ro") if path.exists() else None


def _make(path: Path, schema: str) -> None:
    """Make it aside, so that nobody sees it without its tables; another process may be first."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    os.close(os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    try:
        connection = _open(aside, "rw")
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(schema)
        finally:
            connection.close()
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()


def _open(path: Path, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(
        uri, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False
    )
