"""Counts what an answer skipped, for its line in the log."""

from collections import Counter

MOST_NAMES, OTHERS = 32, "others"
"""Different names, and what counts all further ones."""


class Skipped(Counter[str]):
    """How often, by name. ``unknown``: the names of events and members that are not known."""

    def __init__(self) -> None:
        super().__init__()
        self.unknown: set[str] = set()

    def add_unknown(self, name: str) -> None:
        """Count an event or a member that is not known."""
        self.add(name)
        if name[:64] in self:
            self.unknown.add(name[:64])

    def add(self, name: str) -> None:
        """Count something under a name that the upstream chose."""
        name = name[:64]
        if name not in self and len(self) >= MOST_NAMES:
            name = OTHERS
        self[name] += 1
