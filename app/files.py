"""Atomic file replacement: a file is always the complete old one or the complete new one.

The content is written to a temporary file beside the target and flushed to disk; the file is then
renamed over the target, and the directory is flushed. Once :func:`replace` has returned, a power
cut cannot undo it. Callers exclude each other with a lock of their own; its holder may remove the
temporary files that a killed process left behind.
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
    """Another program wrote the file in the meantime; it was left as it is."""


def replace(
    path: Path, content: bytes, *, expected: bytes | None = None, durable: bool = True
) -> None:
    """Replace the content of ``path``; only the owner can read the new file.

    Raises OSError if that fails; the file is complete even then. Raises Changed if the file does
    not hold the ``expected`` bytes just before the rename. If not ``durable``, a power cut may undo
    the replacement.
    """
    path = path.resolve()  # keep a symbolic link
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
    """Remove abandoned temporary files of :func:`replace` for ``path``."""
    path = path.resolve()
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}*.tmp"):
        with contextlib.suppress(OSError):
            left.unlink()


def expire(directory: Path, pattern: str, age: float) -> None:
    """Remove the matching files that were last written more than ``age`` seconds ago."""
    for old in directory.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > age:
                old.unlink()


def private_directory(path: Path, *, shared_parent: bool = False) -> None:
    """Create the directory if needed, accessible only by its owner. Raises OSError.

    In a ``shared_parent`` another user may have created it first, to read its files: such a
    directory is refused.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if shared_parent and not is_private(path):
        raise PermissionError(errno.EPERM, "another user can access it")


def is_private(path: Path) -> bool:
    """Whether the path is a directory that only this user can read and write."""
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
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems
            raise
    finally:
        os.close(descriptor)
