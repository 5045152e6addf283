"""What is held against each account, in a file of its own, for all workers of a host.

Losing one costs a request that fails once more, so nothing here ever fails for want of a place.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from app import files
from app.credentials.health import Standing

from .directories import Directories, remove

_LOCK_TIMEOUT = 2.0


class StandingFiles:
    """Read again when another worker has replaced them."""

    def __init__(self, directories: Directories) -> None:
        self._directories = directories
        self._known: dict[str, tuple[int, Standing]] = {}

    def read(self, account: str) -> Standing:
        """Cheap as long as the file is the same."""
        stamp, path = max((_stamp(path), path) for path in self._paths(account))
        known = self._known.get(account)
        if known is None or known[0] < stamp:
            known = self._known[account] = (stamp, decode(_content(path)))
        return known[1]

    def amend(self, account: str, change: Callable[[Standing], Standing]) -> Standing:
        """Apply a change, one after the other."""
        with self._directories.locked(f"{account}.state", _LOCK_TIMEOUT, required=False):
            standing = self.read(account)
            changed = change(standing)
            if changed != standing:
                self._write(account, changed)
            return changed

    def forget(self, account: str) -> None:
        """Hold nothing against the account."""
        self._known.pop(account, None)
        for path in self._paths(account):
            remove(path)

    def _write(self, account: str, standing: Standing) -> None:
        self._known[account] = (0, standing)
        for path in self._paths(account):
            with contextlib.suppress(OSError):
                self._directories.make(path.parent)
                files.sweep(path)
                files.replace(path, msgspec.json.encode(standing), durable=False)
                self._known[account] = (_stamp(path), standing)
                break

    def _paths(self, account: str) -> list[Path]:
        return [directory / f"{account}.state.json" for directory in self._directories]


def decode(content: bytes) -> Standing:
    """A standing as it is stored; one that cannot be read holds nothing against anybody."""
    try:
        return msgspec.json.decode(content, type=Standing)
    except msgspec.MsgspecError:
        return Standing()


def _stamp(path: Path) -> int:
    """Grows whenever the file is replaced; 0 if there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
