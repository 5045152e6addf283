"""Locks between processes that do not block the other greenlets of a process.

The kernel holds the lock and releases it when its holder dies, so no stale lock remains. Waiting
means polling, since a blocking ``flock`` would stop the event loop. The lock excludes other
processes and other locks of the same process; the caller ensures single flight within a process.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

_POLL = 0.02


@contextlib.contextmanager
def exclusive(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock file ``path``, which is created if needed. Raises TimeoutError after
    ``timeout`` seconds, any other OSError if no lock is possible there.
    """
    lock = FileLock(
        str(path),
        mode=0o600,
        thread_local=False,
        poll_interval=_POLL,
        fallback_to_soft=False,  # without kernel locks, the lock file would outlive its holder
    )
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise TimeoutError from None
    except NotImplementedError as error:
        raise OSError(str(error)) from None
    try:
        yield
    finally:
        lock.release()
