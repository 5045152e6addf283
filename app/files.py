"""Files that are either the old or the new whole, whatever happens while they are written.

A file is written beside its target under a temporary name, flushed to the disk, renamed over the
target, and the directory is flushed: when :func:`replace` returns, a power cut cannot undo it.
Callers exclude each other by a lock of their own; whoever holds it may sweep away what a killed
predecessor left behind.
"""

import contextlib
import errno
import glob
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


class Changed(Exception):
    """Somebody else wrote the file meanwhile; it is untouched."""


def replace(
    path: Path, content: bytes, *, expected: bytes | None = None, durable: bool = True
) -> None:
    """Put ``content`` in the place of ``path``, readable by its owner alone.

    Raises OSError if that cannot be promised; the file is then whole all the same. Raises Changed
    if the file does not hold the ``expected`` bytes at the last moment. Not ``durable``: a power
    cut may undo it.
    """
    path = path.resolve()  # a symbolic link stays one
    with _temporary(path) as (descriptor, name):
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        if expected is not None and path.read_bytes() != expected:
            raise Changed
        os.replace(name, path)
    if durable:
        _flush_directory(path.parent)


def sweep(path: Path) -> None:
    """Remove the temporary files of :func:`replace` for ``path`` that nobody will finish."""
    path = path.resolve()
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}*.tmp"):
        with contextlib.suppress(OSError):
            left.unlink()


def expire(directory: Path, pattern: str, age: float) -> None:
    """Remove the files that nobody has written for so many seconds."""
    for old in directory.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > age:
                old.unlink()


def private_directory(path: Path, *, shared_parent: bool = False) -> None:
    """Make the directory if needed, for its owner alone. Raises OSError.

    With a ``shared_parent`` somebody else may have made it first, to read along: then it is
    refused.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if shared_parent and not is_private(path):
        raise PermissionError(errno.EPERM, "it is not this user's alone")


def is_private(path: Path) -> bool:
    """Whether it is a directory that only this user can read and write."""
    try:
        status = path.lstat()
    except OSError:
        return False
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return is_ours and not status.st_mode & 0o077


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[tuple[int, str]]:
    descriptor, name = tempfile.mkstemp(".tmp", _prefix(path), path.parent)  # mode 0600
    try:
        yield descriptor, name
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _prefix(path: Path) -> str:
    return f".{path.name}."


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot
            raise
    finally:
        os.close(descriptor)
