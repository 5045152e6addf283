"""The health of each account in its own file, shared by all workers of a host.

Losing a file only means that one more request fails, so a write error is never raised.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from app.common import files
from app.credentials.health import AccountHealth

from .directories import Directories, remove

_LOCK_TIMEOUT = 2.0

_Stamp: TypeAlias = tuple[int, int, int]
_NO_FILE: _Stamp = (0, 0, 0)


class HealthFiles:
    """A file is read again when another worker has replaced it."""

    def __init__(self, directories: Directories) -> None:
        self._directories = directories
        self._known: dict[str, tuple[_Stamp, AccountHealth]] = {}

    def read(self, account: str) -> AccountHealth:
        """The health of the account. Cheap as long as the file is unchanged."""
        stamp, path = max((_stamp(path), path) for path in self._paths(account))
        known = self._known.get(account)
        if known is None or known[0] != stamp:
            known = self._known[account] = (stamp, decode(_content(path)))
        return known[1]

    def update(
        self, account: str, change: Callable[[AccountHealth], AccountHealth]
    ) -> AccountHealth:
        """Apply ``change``; changes of all workers are serialised."""
        with self._directories.locked(f"{account}.state", _LOCK_TIMEOUT, required=False):
            health = self.read(account)
            changed = change(health)
            if changed != health:
                self._write(account, changed)
            return changed

    def forget(self, account: str) -> None:
        """Remove the health of the account."""
        self._known.pop(account, None)
        for path in self._paths(account):
            remove(path)

    def _write(self, account: str, health: AccountHealth) -> None:
        self._known[account] = (_NO_FILE, health)
        for path in self._paths(account):
            with contextlib.suppress(OSError):
                self._directories.make(path.parent)
                files.sweep(path, private=True)
                files.replace(path, msgspec.json.encode(health), durable=False, private=True)
                self._known[account] = (_stamp(path), health)
                break

    def _paths(self, account: str) -> list[Path]:
        return [directory / f"{account}.state.json" for directory in self._directories]


def decode(content: bytes) -> AccountHealth:
    """A stored health; if it cannot be decoded, a clean one."""
    try:
        return msgspec.json.decode(content, type=AccountHealth)
    except msgspec.MsgspecError:
        return AccountHealth()


def _stamp(path: Path) -> _Stamp:
    """Another value whenever the file is replaced, and a greater one unless the clock is set."""
    try:
        status = path.lstat()
    except OSError:
        return _NO_FILE
    return status.st_mtime_ns, status.st_ino, status.st_size


def _content(path: Path) -> bytes:
    try:
        return files.read_own(path)
    except OSError:
        return b""
