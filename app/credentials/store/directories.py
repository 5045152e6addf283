"""The directories for the gateway's own records, and the locks in them."""

import contextlib
import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from app.common import files

from .locks import exclusive

log = logging.getLogger("kiro2api.credentials")

SHARED_MEMORY = Path("/dev/shm")  # nosec B108 # a directory of another user there is refused


class Directories:
    """The usable directories, best first: the configured one, and one in the machine's shared
    memory, which all workers can read and a restart of the machine clears.
    """

    def __init__(self, directory: Path, shared_memory: Path = SHARED_MEMORY) -> None:
        self.on_disk = directory
        self.in_memory = shared_memory / f"kiro2api-{os.geteuid()}"

    def __iter__(self) -> Iterator[Path]:
        yield self.on_disk
        memory = self.in_memory
        # a directory that another user prepared there is neither written nor trusted
        if memory.parent.is_dir() and (files.is_private(memory) or not memory.exists()):
            yield memory

    def make(self, directory: Path) -> None:
        """Create one of them if needed. Raises OSError, also if others can write to it: they could
        replace what is stored there.
        """
        files.private_directory(directory, shared_parent=directory == self.in_memory)
        if why := files.why_unsafe(directory):
            raise PermissionError(errno.EPERM, why)

    def problem(self) -> str:
        """Why the configured directory is not used although it exists, "" if it is."""
        try:
            why = files.why_unsafe(self.on_disk)
        except OSError:
            return ""
        return f"KIRO_TOKEN_CACHE ({self.on_disk}) is not written: {why}" if why else ""

    @contextlib.contextmanager
    def locked(
        self, name: str, timeout: float, *, beside: Path | None = None, required: bool = True
    ) -> Iterator[None]:
        """Hold a lock: beside a file, or else in the first directory where a lock is possible.

        Raises TimeoutError if the lock is ``required``. If no lock is possible anywhere, the caller
        runs without one.
        """
        with contextlib.ExitStack() as stack:
            for path in self._lock_paths(name, beside):
                try:
                    if path.parent in (self.on_disk, self.in_memory):
                        self.make(path.parent)
                    stack.enter_context(exclusive(path, timeout))
                except TimeoutError:
                    if required:
                        raise
                except OSError as error:
                    log.warning("credential: no lock at %s: %s", path, reason(error))
                    continue
                break
            yield

    def _lock_paths(self, name: str, beside: Path | None) -> Iterator[Path]:
        if beside:
            target = beside.resolve()
            yield target.with_name(f"{target.name}.lock")
        for directory in self:
            yield directory / f"{name}.lock"


def remove(path: Path) -> None:
    """Remove a file if it exists and can be removed."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def reason(error: OSError) -> str:
    """The reason in a few words."""
    return error.strerror or str(error) or type(error).__name__
