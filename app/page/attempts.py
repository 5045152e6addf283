"""How often a client may try a key that is wrong, in one worker."""

from collections import OrderedDict
from time import monotonic

MOST = 8
"""Failures of one address in a minute."""

MINUTE = 60.0
ADDRESSES = 10_000
"""Addresses to remember; the one that failed longest ago is forgotten."""


class Attempts:
    """The failures of a minute, by address."""

    def __init__(self) -> None:
        self._failed: OrderedDict[str, list[float]] = OrderedDict()

    def seconds_to_wait(self, address: str) -> float:
        """0 if the address may try now."""
        recent = self._recent(address)
        return 0.0 if len(recent) < MOST else max(recent[0] + MINUTE - monotonic(), 1.0)

    def fail(self, address: str) -> None:
        """Note a failure."""
        self._failed[address] = [*self._recent(address), monotonic()]
        self._failed.move_to_end(address)
        if len(self._failed) > ADDRESSES:
            self._failed.popitem(last=False)

    def _recent(self, address: str) -> list[float]:
        since = monotonic() - MINUTE
        return [at for at in self._failed.get(address, ()) if at > since]
