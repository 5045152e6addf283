"""The tables of rows, for docs/performance.md and for the terminal."""

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.figures import Spread
from benchmarks.rows import pairs
from benchmarks.rows.loads import Load
from benchmarks.rows.measuring import Found
from benchmarks.rows.pairs import FEATURES, FLOOR, ITSELF, Compared, Run
from benchmarks.tables import number, spread, table

FLOORS = """\
## Beside the floor

The gateway and a program that does less (`benchmarks/floors/messages.py`: no framework, log,
limits, retries, checks or tool calls) get the same load in turns, {rounds} rounds. The ratio is the
median of the ratios of the rounds, followed by the least and the largest. Ratios depend less on the
machine than times. CPU time is all that the worker used. The upstream sends answers that were
encoded before.
"""

STREAMS = """\
### Many streams

The slow streams of the rows above, all opened within a second: the time from a request to its first
event, beyond the upstream's, and from the sending of an event to its reading, as medians of the
rounds, and the growth of the worker for each open stream.
"""

COMPARED = """\
### Beside itself

The same way, with the gateway on both sides.
"""

FEATURE = """\
### Features

CPU time of S1 with a feature more or less, relative to the gateway as shipped.
"""

SINGLE = """\
### Start, spread and lag

Medians of {rounds} rounds.
"""

GROUPS = (FLOOR, ITSELF, FEATURES)


def sections(found: Found, rounds: int, single_rounds: int) -> str:
    """Return the sections about everything that was measured, in Markdown."""
    measured, singles = found
    groups = {name: [each for each in measured if each.row.group == name] for name in GROUPS}
    streams = [each for each in measured if each.row.what.load.answer.gap]
    parts = (
        (FLOORS.format(rounds=rounds), compared(groups[FLOOR])),
        (STREAMS, many_streams(streams)),
        (COMPARED, compared(groups[ITSELF])),
        (FEATURE, compared(groups[FEATURES])),
        (SINGLE.format(rounds=single_rounds), _singles(singles)),
    )
    return "\n".join(f"{head}\n{rows}" for head, rows in parts if rows)


def compared(found: Sequence[Compared]) -> str:
    """Return a table of ratios; "" of none."""
    head = ("Row", "What", "Unit", "CPU, µs", "of the reference, µs", "ratio")
    return table(head, map(_compared, found), texts=3) if found else ""


def _compared(each: Compared) -> tuple[str, ...]:
    return (
        each.row.name,
        each.row.title,
        each.row.what.load.unit,
        spread(pairs.cpu(each.what)),
        spread(pairs.cpu(each.reference)),
        spread(each.ratio()),
    )


def many_streams(found: Sequence[Compared]) -> str:
    """Return a table of waits and memory; "" of none."""
    head = (
        "Row", "Of", "First event, ms, p50", "p99", "Lag of an event, ms, p50", "p99",
        "KB a stream",
    )  # fmt: skip
    return table(head, _streams(found), texts=2) if found else ""


def _streams(found: Iterable[Compared]) -> Iterable[tuple[str, ...]]:
    for each in found:
        load = each.row.what.load
        yield (each.row.name, "gateway", *_waits(each.what, load))
        yield (each.row.name, "floor", *_waits(each.reference, load))


def _waits(runs: Sequence[Run], load: Load) -> tuple[str, ...]:
    return (
        *(number(pairs.wait(runs, load, percent)) for percent in (50, 99)),
        *(number(pairs.lag(runs, percent)) for percent in (50, 99)),
        number(pairs.kilobytes(runs, load)),
    )


def _singles(singles: Mapping[str, Spread]) -> str:
    rows = ((title, spread(figure)) for title, figure in singles.items())
    return table(("What", "Figure"), rows, texts=1) if singles else ""
