"""Counts what an answer skipped, for its line in the log."""

from collections import Counter

MOST_NAMES, OTHERS = 32, "others"
"""Different names, and what counts all further ones."""


class Skipped(Counter[str]):
    """How often, by name."""

    def add(self, name: str) -> None:
        """Count something under a name that the upstream chose."""
        name = name[:64]
        if name not in self and len(self) >= MOST_NAMES:
            name = OTHERS
        self[name] += 1
