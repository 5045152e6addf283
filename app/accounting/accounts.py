"""How what was recorded of an account compares with its service's own count."""

from collections.abc import Iterable

from msgspec import Struct

from .entry import Reading


class Comparison(Struct, frozen=True):
    """Between two moments, in seconds since the epoch, the service counted ``counted``, of which
    ``recorded`` was recorded here, in micro-credits. What is not was used by other programs, or by
    answers that ended before the service named their price.
    """

    account: str
    since: float
    until: float
    counted: int
    recorded: int

    @property
    def difference(self) -> int:
        """What was counted and not recorded; negative if the service counts later than it says."""
        return self.counted - self.recorded


def compare(readings: Iterable[Reading]) -> list[Comparison]:
    """A comparison for each account with two readings or more since its counts began anew last;
    ``readings`` by time, the oldest first."""
    first: dict[str, Reading] = {}
    last: dict[str, Reading] = {}
    for one in readings:
        before = last.get(one.account)
        if before is None or one.used < before.used or one.recorded < before.recorded:
            first[one.account] = one
        last[one.account] = one
    return [
        Comparison(
            account,
            begin.at,
            end.at,
            counted=end.used - begin.used,
            recorded=end.recorded - begin.recorded,
        )
        for account, begin in first.items()
        if (end := last[account]).at > begin.at
    ]
