"""Remedies that helped, so that the next call need not be refused first. One per worker.

The memory is bounded, and ends after :data:`SECONDS`: what the service refused may be served by
then. Nothing of a conversation is kept, but for the names of remedies.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable

from .remedies import Applied

SECONDS = 1800.0
MOST = 1024
"""Keys that are remembered at once."""


class Memory:
    """Remedies by the key of what they are remembered for. ``clock`` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: OrderedDict[Hashable, tuple[float, tuple[Applied, ...]]] = OrderedDict()

    def recall(self, keys: Iterable[Hashable]) -> list[Applied]:
        """The remedies for these keys."""
        if not self._known:
            return []
        now = self._clock()
        found = (self._known.get(key, (0.0, ())) for key in keys)
        return [applied for until, known in found if until > now for applied in known]

    def learn(self, key: Hashable, applied: Applied) -> bool:
        """Remember a remedy that helped. False if it was known."""
        if applied in self.recall([key]):
            return False
        others = (one for one in self.recall([key]) if one.remedy is not applied.remedy)
        self._known[key] = (self._clock() + SECONDS, (*others, applied))
        self._known.move_to_end(key)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return True
