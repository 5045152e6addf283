"""Exclusion between processes that does not stop the other greenlets of any of them.

The kernel holds the lock and frees it when its holder dies, however that happens: nothing can be
left behind. Waiting is polling, since a blocking ``flock`` would freeze the whole event loop. It
excludes processes, and two locks of one process; single flight inside a process is the caller's.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

_POLL = 0.02


@contextlib.contextmanager
def exclusive(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock file ``path``, made if needed. Raises TimeoutError after ``timeout`` seconds,
    any other OSError if there can be no lock there.
    """
    lock = FileLock(
        str(path),
        mode=0o600,
        thread_local=False,
        poll_interval=_POLL,
        fallback_to_soft=False,  # where the kernel has no locks, a file would outlive its holder
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
