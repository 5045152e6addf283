"""Where the lists of models are kept for all workers of a host, over restarts: a file for each list
in the directory of the refreshed tokens. The files hold no secrets; only their owner can read them.

Whoever asks the service holds a lock, so the workers of a host ask once. Where the directory cannot
be used, each process keeps its own lists.
"""

import contextlib
import errno
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from app.common import files

from .record import NOTHING, Record, decode, encode

log = logging.getLogger("kiro2api.models")

_FORGOTTEN = 7 * 86400.0  # seconds after which a list of an account is no longer in use


class Shelf(Protocol):
    """Keeps the records, by a key that is the same in all processes."""

    def read(self, key: str) -> Record:
        """The record, :data:`~.record.NOTHING` if there is none."""

    def write(self, key: str, record: Record) -> None:
        """Keep the record."""

    def turn(self, key: str) -> contextlib.AbstractContextManager[bool]:
        """Whether this process may ask the service now; false while another one does so."""

    def close(self) -> None:
        """Close connections."""


class FileShelf:
    """A :class:`Shelf` in files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._own: dict[str, Record] = {}  # what could not be written
        self._read: dict[str, tuple[tuple[int, int], Record]] = {}
        self._problem = ""

    def read(self, key: str) -> Record:
        """A file that has not changed is not read again."""
        path = self._path(key)
        try:
            status = path.lstat()
            stamp = status.st_mtime_ns, status.st_ino
            known = self._read.get(key)
            if known is None or known[0] != stamp:
                known = self._read[key] = stamp, decode(files.read_own(path))
            stored = known[1]
        except OSError:
            stored = NOTHING
        own = self._own.get(key, NOTHING)
        return own if own.asked_at > stored.asked_at else stored

    def stored(self) -> list[Record]:
        """The records of all keys."""
        names = self._directory.glob("models-*.json")
        return [self.read(name.stem.removeprefix("models-")) for name in sorted(names)]

    def write(self, key: str, record: Record) -> None:
        self._own[key] = record
        try:
            self._make()
            path = self._path(key)
            files.replace(path, encode(record), durable=False, private=True)
            files.sweep(path, private=True)
            files.expire(self._directory, "models-*.json", _FORGOTTEN)
        except OSError as error:
            self._report(error)
        else:
            self._own.pop(key, None)
            self._problem = ""

    @contextlib.contextmanager
    def turn(self, key: str) -> Iterator[bool]:
        """Without a lock, for want of a directory, each process takes its turn."""
        lock = FileLock(
            str(self._path(key).with_suffix(".lock")),
            mode=0o600,
            thread_local=False,
            fallback_to_soft=False,
        )
        try:
            self._make()
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        except (OSError, NotImplementedError):
            yield True
            return
        try:
            yield True
        finally:
            lock.release()

    def close(self) -> None:
        """Nothing is open."""

    def _path(self, key: str) -> Path:
        return self._directory / f"models-{key}.json"

    def _make(self) -> None:
        files.private_directory(self._directory)
        if why := files.why_unsafe(self._directory):
            raise PermissionError(errno.EPERM, why)

    def _report(self, error: OSError) -> None:
        problem = error.strerror or str(error)
        if problem != self._problem:
            self._problem = problem
            log.warning(
                "the lists of models are not shared between workers nor kept over a restart:"
                " KIRO_TOKEN_CACHE (%s) cannot be written: %s",
                self._directory,
                problem,
            )
