"""Keeps freed memory in the process.

A request of a megabyte frees several when it is done. glibc returns the top of its heap to the
system at once, and the next request pays for every page of it again: more system time than all its
reads and writes.
"""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""

KEPT = 16 * 2**20
"""Bytes at the top of the heap that stay with the process."""

MAPPED = 16 * 2**20
"""Bytes from which a block is mapped separately, and returned as a whole when it is freed."""


def keep_freed() -> bool:
    """For this process and those forked from it; False where the C library is not glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_TRIM_THRESHOLD, KEPT) and mallopt(M_MMAP_THRESHOLD, MAPPED))
