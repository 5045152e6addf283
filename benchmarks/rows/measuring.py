"""Measures rows by their names."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, TypeAlias

from benchmarks.figures import Spread
from benchmarks.rows import pairs, single
from benchmarks.rows.pairs import ROWS, Compared
from benchmarks.rows.servers import CannotStart
from benchmarks.rows.single import SINGLES
from benchmarks.tables import number

NAMES = (*(row.name for row in ROWS), *(each.name for each in SINGLES))

Progress: TypeAlias = Callable[[str], object]


class Found(NamedTuple):
    """What was measured: ``singles`` by their titles."""

    compared: list[Compared]
    singles: Mapping[str, Spread]


def measure(names: Collection[str], rounds: int, singles: int, tell: Progress) -> Found:
    """Measure these rows; what this machine cannot measure is told and left out.

    ``singles``: rounds of the rows that are compared with nothing. Raises LoadFailed.
    """
    found = Found([], {})
    chosen = [row for row in ROWS if row.name in names]
    for row in chosen:
        try:
            compared = pairs.measure(row, rounds)
        except CannotStart as error:
            tell(f"{row.name}: not measured, {error}")
            continue
        found.compared.append(compared)
        tell(f"{row.name}: {number(compared.ratio().median)} ({row.title})")
    told: dict[str, Spread] = {}
    for each in SINGLES:
        if each.name in names:
            told |= zip(each.titles, single.measure(each, singles), strict=True)
            tell(f"{each.name}: {', '.join(number(told[title].median) for title in each.titles)}")
    return found._replace(singles=told)
