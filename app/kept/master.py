"""The file and the secret of this server: made by its master, shared with the workers it forks.

The secret is in the memory of these processes alone, so what the file holds can be read no longer
than they run. A reload (SIGHUP) forks new workers of the same master, which has both still; a new
master (a restart, SIGUSR2) makes its own. Each master holds a lock on its file's companion for as
long as it or a worker of it lives, and removes the file when it ends; files whose masters were
killed are removed by the next one that starts.
"""

import contextlib
import errno
import fcntl
import os
import secrets
from pathlib import Path
from typing import NamedTuple

from app.common import files

from .host_store import create
from .sealing import SECRET_BYTES

PREFIX, DATABASE, LOCK = "responses-", ".db", ".lock"
_TRIES = 3


class Place(NamedTuple):
    """``lock`` is the descriptor that holds the lock; ``pid`` the master."""

    path: Path
    secret: bytes
    lock: int
    pid: int

    def __repr__(self) -> str:
        return f"<Place {self.path}>"


_place: Place | None = None


def begin(directory: Path) -> None:
    """In the master, before it forks: make the file and the secret, unless they are there. Raises
    OSError if the directory cannot be used.
    """
    global _place
    if _place is not None and _place.pid == os.getpid():
        return
    files.private_directory(directory)
    if why := files.why_unsafe(directory):
        raise PermissionError(errno.EPERM, why)
    _remove_abandoned(directory)
    lock, path = _locked(directory)
    create(path)
    _place = Place(path, secrets.token_bytes(SECRET_BYTES), lock, os.getpid())


def current() -> Place | None:
    """The place of this process or, in a worker, of its master; None if there is none."""
    return _place


def end() -> None:
    """In the master, after its last worker: remove its file."""
    global _place
    if _place is not None and _place.pid == os.getpid():
        _remove(_place.path)
        os.close(_place.lock)
        _place = None


def _locked(directory: Path) -> tuple[int, Path]:
    for _ in range(_TRIES):
        path = directory / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}{DATABASE}"
        lock = os.open(path.with_suffix(LOCK), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        if _take(lock) and path.with_suffix(LOCK).exists():
            return lock, path
        os.close(lock)  # another master that starts took it for abandoned
    raise OSError(errno.EAGAIN, "its lock files are being removed by another program")


def _take(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_abandoned(directory: Path) -> None:
    stems = {path.name.partition(".")[0] for path in directory.glob(f"{PREFIX}*")}
    for stem in stems:
        path = directory / f"{stem}{DATABASE}"
        try:
            lock = os.open(path.with_suffix(LOCK), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError:
            continue
        try:
            if _take(lock):
                _remove(path)
        finally:
            os.close(lock)


def _remove(path: Path) -> None:
    for suffix in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", f"{DATABASE}-journal", LOCK):
        with contextlib.suppress(OSError):
            path.with_name(path.stem + suffix).unlink()
