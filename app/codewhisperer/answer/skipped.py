"""Counts what an answer skipped, for its line in the log."""

MOST_NAMES, OTHERS = 32, "others"
"""Different names, and what counts all further ones."""


class Skipped(dict[str, int]):
    """How often, by name. ``unknown``: the names of events and members that are not known."""

    __slots__ = ("unknown",)

    def __init__(self) -> None:
        super().__init__()
        self.unknown: set[str] = set()

    def __missing__(self, name: str) -> int:
        return 0

    def add_unknown(self, name: str) -> None:
        """Count an event or a member that is not known."""
        self.add(name)
        if name[:64] in self:
            self.unknown.add(name[:64])

    def add(self, name: str, times: int = 1) -> None:
        """Count something under a name that the upstream may have chosen."""
        name = name[:64]
        if name not in self and len(self) >= MOST_NAMES:
            name = OTHERS
        self[name] += times
