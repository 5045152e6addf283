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
import tempfile
from collections.abc import Iterator
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Put ``content`` in the place of ``path``, readable by its owner alone.

    Raises OSError if that cannot be promised; the file is then whole all the same.
    """
    path = path.resolve()  # a symbolic link stays one
    with _temporary(path) as (descriptor, name):
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    _flush_directory(path.parent)


def sweep(path: Path) -> None:
    """Remove the temporary files of :func:`replace` for ``path`` that nobody will finish."""
    path = path.resolve()
    for left in path.parent.glob(f"{glob.escape(_prefix(path))}*.tmp"):
        with contextlib.suppress(OSError):
            left.unlink()


def private_directory(path: Path) -> None:
    """Make the directory if needed, for its owner alone. Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


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
