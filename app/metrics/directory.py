"""Where the figures of a server are: a directory of its master, a slot in it for each worker.

A worker takes the first slot that nobody holds, by a lock that the kernel releases whatever ends
it. It goes on with the counts of the slot, so there are never more files than workers at once, and
no count is lost by a reload or a kill. Gauges are of now: those of a slot are removed when its
worker is gone.

Directories whose master and workers were all killed are removed by the next one that starts.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from app.common import files

PREFIX, LOCK = "metrics-", "lock"
MOST_SLOTS = 1024


class Place(NamedTuple):
    """``lock`` is the descriptor that holds the directory's lock; ``pid`` the master."""

    path: Path
    lock: int
    pid: int


_place: Place | None = None


def begin(parent: Path) -> None:
    """In the master, before it forks: make the directory in ``parent``, unless it is there. Raises
    OSError if that cannot be used.
    """
    global _place
    if _place is not None and _place.pid == os.getpid():
        return
    files.private_directory(parent)
    if why := files.why_unsafe(parent):
        raise PermissionError(errno.EPERM, why)
    _remove_abandoned(parent)
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    lock = _take(path / LOCK)
    if lock is None:  # another master that starts took it for abandoned
        raise FileNotFoundError(str(path))
    _place = Place(path, lock, os.getpid())


def current() -> Place | None:
    """The directory of this process or, in a worker, of its master; None if there is none."""
    return _place


def end() -> None:
    """In the master, after its last worker: remove the directory."""
    global _place
    if _place is not None and _place.pid == os.getpid():
        shutil.rmtree(_place.path, ignore_errors=True)
        os.close(_place.lock)
        _place = None


def take_slot(directory: Path) -> int:
    """The slot of this process, which keeps it until it ends. Raises OSError if there is none."""
    for slot in range(MOST_SLOTS):
        if _take(_lock_of(directory, slot)) is not None:
            _remove_gauges(directory, slot)
            return slot
    raise OSError(f"{MOST_SLOTS} workers at once")


def remove_dead(directory: Path) -> None:
    """Remove the gauges of workers that are gone."""
    for path in directory.glob(f"{LOCK}-*"):
        slot = int(path.name.rpartition("-")[2])
        lock = _take(path)
        if lock is not None:
            _remove_gauges(directory, slot)
            os.close(lock)


def _lock_of(directory: Path, slot: int) -> Path:
    return directory / f"{LOCK}-{slot}"


def _remove_gauges(directory: Path, slot: int) -> None:
    for path in directory.glob(f"gauge_*_{slot}.db"):
        path.unlink(missing_ok=True)


def _take(path: Path) -> int | None:
    """The descriptor of a lock that was free, None for one that is held."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _remove_abandoned(parent: Path) -> None:
    for path in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = _take(path / LOCK)
            if lock is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(lock)
