"""Generates docs/performance.md: the tables, and the meaning of their figures."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks import figures
from benchmarks.cases import ARRIVALS, KB, Scale
from benchmarks.end_to_end import Measured
from benchmarks.parts import Part
from benchmarks.tables import number, spread, table

STREAMS_PLOT, SIZES_PLOT = "performance-streams.svg", "performance-requests.svg"


@dataclass(frozen=True)
class Setting:
    """Time and place of the measurement.

    ``others``: the share (0 to 1) of the machine's CPU time that other programs used meanwhile.
    """

    date: str
    code: str
    machine: str
    versions: str
    interpreter: str
    others: float


HEAD = """\
# Performance

Written by `make bench`, but for the shortcuts at its end.

- When: {date}
- What: kiro2api {code}
- Where: {machine}
- With: {versions}
- Interpreter: {interpreter}
- Other load: other programs used {others:.0%} of the machine's CPU time

Gateway, upstream and load generator run on the same machine and share its cores. The gateway runs
as shipped, with logs, metrics, records of usage, token counts, repairs and limits, but with one
worker.
"""

GROWTH = """\
## Growth

How costs grow with streams, lengths and sizes. CPU time is that of the worker, minus its CPU time
when idle. Figures are medians of {rounds} rounds, each with a new worker, followed by minimum and
maximum of the rounds. The upstream is the simulator, which checks each request. *Upstream alone* is
measured without the gateway: the load generator sends its requests to the simulator. The gateway
adds the difference, which includes the effect of sharing the machine with simulator and load
generator. A dash: nothing to measure, or too few samples.
"""

STREAMS = """\
### Slow streams

{arrivals} streams are opened per second, with requests of 1 KB. Each has {events} events, one every
{gap:.0f} ms. The CPU time of an event includes its share of the request. Memory of the worker is
measured with all streams open; memory of a stream is the growth of the worker per stream.

![CPU time of an event and memory of the worker against the number of streams]({plot})
"""

LENGTHS = """\
### Long answers

Four streams at a time, at full speed. Real upstreams send one frame in an HTTP chunk. The gateway
writes together what it has read together: the more arrives between two reads, the less an event
costs.
"""

SIZES = """\
### Large requests

Sequential Messages requests, answered with ten events in one chunk. Text requests are tasks with
tool calls, with a turn for each 4 KB and a tool for each 8 KB. Like the service, the simulator
refuses text of more than 1,300,000 characters; larger requests contain images.

![CPU time of a request and its first event against its size]({plot})
"""

TURNS = """\
### Turns of agents

The longest captured request of a client, answered with a text of {events} events and a tool call,
four frames in an HTTP chunk.
"""

PARTS = """\
### Parts

The parts without IO, called in one process without garbage collection: median CPU time of a unit
of work, and its interquartile range. *All captured* and *the largest* are requests of real clients.
"""


Column = tuple[str, Callable[[Measured], str]]


def markdown(
    setting: Setting,
    scale: Scale,
    groups: Mapping[str, Sequence[Measured]],
    parts: Sequence[Part],
    rows: str,
    kept: str,
) -> str:
    """Return the whole file; ``rows`` are the sections of `benchmarks.rows.report`, ``kept`` those
    that people write."""
    lengths = [*groups["lengths of 1"], *groups["lengths of 8"]]
    sections = (
        HEAD.format(**vars(setting)),
        rows,
        GROWTH.format(rounds=scale.rounds),
        STREAMS.format(
            arrivals=ARRIVALS, events=scale.paced_events, gap=scale.gap * 1e3, plot=STREAMS_PLOT
        ),
        _columns(STREAM_COSTS, groups["streams"]),
        _columns(STREAM_WAITS, groups["streams"]),
        LENGTHS,
        _columns(LENGTH_COSTS, lengths),
        SIZES.format(plot=SIZES_PLOT),
        _columns(SIZE_COSTS, [*groups["text"], *groups["images"]]),
        TURNS.format(events=groups["turns"][0].case.events),
        _columns(TURN_COSTS, groups["turns"]),
        PARTS,
        _parts(parts),
        *filter(None, [kept]),
    )
    return "\n".join(sections)


def by_hand(page: str) -> str:
    """Return the sections of the file that are not measured: "## Shortcuts", if it is there."""
    found = re.search(r"^## Shortcuts\n.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found[0].rstrip() + "\n" if found else ""


def _label(measured: Measured) -> str:
    return measured.case.label


def _cpu_per_event(measured: Measured) -> str:
    return spread(figures.cpu_per_event(measured))


def _cpu_per_request(measured: Measured) -> str:
    return spread(figures.cpu_per_request(measured))


def _cpu_per_100_kb(measured: Measured) -> str:
    return number(figures.cpu_per_request(measured).median / measured.case.x * 100 * KB)


def _waits(what: str, wait: Callable[..., float | None], *, alone: bool) -> Iterator[Column]:
    """Yield columns of percentiles with a gateway and, if ``alone``, of the upstream alone."""
    for of in (False, True) if alone else (False,):
        for percent in (50, 99):
            name = f"{what}, {'upstream alone' if of else 'ms'}, p{percent}"
            yield name, partial(_wait, wait, percent, of)


def _wait(wait: Callable[..., float | None], percent: int, alone: bool, measured: Measured) -> str:
    return number(wait(measured, percent, alone=alone))


STREAM_COSTS: tuple[Column, ...] = (
    ("Streams", _label),
    ("CPU of an event, µs", _cpu_per_event),
    ("CPU of a stream, ms", _cpu_per_request),
    ("Memory of a stream, KB", lambda each: spread(figures.memory_per_stream(each))),
    ("PSS of the worker, MB", lambda each: spread(figures.memory(each))),
    ("RSS, MB", lambda each: spread(figures.resident(each))),
)
STREAM_WAITS: tuple[Column, ...] = (
    ("Streams", _label),
    *_waits("First event", figures.first_event, alone=True),
    *_waits("Between events", figures.gap, alone=True),
)
LENGTH_COSTS: tuple[Column, ...] = (
    ("Events", _label),
    ("CPU of an event, µs", _cpu_per_event),
    ("CPU of a stream, ms", _cpu_per_request),
)
SIZE_COSTS: tuple[Column, ...] = (
    ("Request", _label),
    ("CPU, ms", _cpu_per_request),
    ("for each 100 KB, ms", _cpu_per_100_kb),
    *_waits("First event", figures.first_event, alone=True),
)
TURN_COSTS: tuple[Column, ...] = (
    ("Client", _label),
    ("Request, KB", lambda each: number(each.case.x / KB)),
    ("CPU, ms", _cpu_per_request),
    *_waits("First event", figures.first_event, alone=False),
)


def _columns(columns: Sequence[Column], measured: Sequence[Measured]) -> str:
    head = [name for name, _ in columns]
    return table(head, ([cell(each) for _, cell in columns] for each in measured), texts=1)


def _parts(parts: Iterable[Part]) -> str:
    head = ("Part", "Of what", "Unit", "CPU of a unit, µs", "range")
    rows = (
        (each.part, each.what, each.unit, number(each.median), number(each.iqr)) for each in parts
    )
    return table(head, rows, texts=3)
