"""How much the references in schemas may add when they are expanded.

A reference of thirty bytes may stand for a megabyte, and be repeated. Generators of schemas do
reuse parts: a schema of 3 KB that expands to 50 KB is usual.
"""

FACTOR = 4
OF_A_TOOL, OF_A_REQUEST = 128 * 1024, 256 * 1024
"""Bytes that may be added in any case."""
LEAST = 64
"""Bytes that any expansion counts as, for the time it takes."""


class Growth:
    """Counts the bytes that are added: at most ``free``, and :data:`FACTOR` times ``size``, the
    bytes that the client sent.
    """

    def __init__(self, size: int, free: int) -> None:
        self._limit = free + FACTOR * size
        self.added = 0

    def add(self, size: int) -> None:
        """Count an expansion. Raises ValueError beyond the limit."""
        self.added += max(size, LEAST)
        if self.added > self._limit:
            raise ValueError(
                f"its references expand to more than {self._limit} bytes, {FACTOR} times what was"
                " sent and a little more; repeat less, or refer to $defs of the root"
            )
