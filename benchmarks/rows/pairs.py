"""One thing beside another, in turns: the table of rows, and how they are measured.

Both sides of a row run all the time, each with an idle worker while the other has the load. The
order changes each round; a row's ratio is the median of the ratios of its rounds.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.cases import KB
from benchmarks.figures import Spread, percentile
from benchmarks.load import LoadFailed, Result, generate
from benchmarks.rows import loads, servers
from benchmarks.rows.loads import Load
from benchmarks.rows.servers import Server, Start
from benchmarks.rows.upstream import Upstream, running

SETTLE = 0.15
"""Seconds after the last answer for the worker to write what it keeps of it."""
WARM_UP = replace(loads.SHORT, requests=30)


class Side(NamedTuple):
    """A server and its load."""

    start: Start
    load: Load


class Row(NamedTuple):
    """``what`` is compared with the ``reference``. ``group`` is its table in the report."""

    name: str
    title: str
    group: str
    what: Side
    reference: Side
    tls: bool = False


GATEWAY = servers.gateway()
FLOOR, ITSELF, FEATURES = "floor", "itself", "features"


def _floor(name: str, title: str, load: Load, *, tls: bool = False) -> Row:
    return Row(name, title, FLOOR, Side(GATEWAY, load), Side(servers.floor, load), tls)


def _itself(name: str, title: str, what: Side, load: Load = loads.SHORT) -> Row:
    return Row(name, title, ITSELF, what, Side(GATEWAY, load))


def _feature(name: str, title: str, start: Start, load: Load = loads.SHORT) -> Row:
    return Row(name, title, FEATURES, Side(start, load), Side(GATEWAY, load))


ROWS: tuple[Row, ...] = (
    _floor("S1", "a short reply of 10 events", loads.SHORT),
    _floor("S2", "8 streams of 2000 events at full speed, 8 frames a chunk", loads.FIREHOSE),
    _floor("S2x1", "the same, one frame a chunk", loads.TORN_FIREHOSE),
    _floor("S3", "200 slow streams: 30 events, 100 ms apart", loads.SLOW),
    _floor("S3k", "1000 of them", loads.MANY_SLOW),
    _floor("S4", "a request of 1 MB", loads.LONG),
    _floor("S5", "an answer of 500 events that is not streamed", loads.WHOLE),
    _floor("S6", "an agent's turn: 49 KB, 12 tools, 60 events and a call", loads.TURN),
    _floor("S1-TLS", "S1, the upstream over TLS", loads.SHORT, tls=True),
    _floor("S3k-TLS", "S3k, the upstream over TLS", loads.MANY_SLOW, tls=True),
    _itself("responses", "S1 by Responses x Messages", Side(GATEWAY, loads.SHORT_RESPONSES)),
    _itself(
        "responses-1MB",
        "S4 by Responses x Messages",
        Side(GATEWAY, loads.LONG_RESPONSES),
        loads.LONG,
    ),
    Row(
        "redis",
        "S1 by a key with a limit of requests a minute, counted in Redis, x the same key without",
        ITSELF,
        Side(servers.own_key(limited=True), loads.SHORT),
        Side(servers.own_key(limited=False), loads.SHORT),
    ),
    *(
        Row(
            f"workers-{count}",
            f"S1 with {count} workers and 16 clients x one worker and 16 clients",
            ITSELF,
            Side(servers.gateway(WEB_CONCURRENCY=f"{count}"), loads.CROWD),
            Side(GATEWAY, loads.CROWD),
        )
        for count in (2, 4)
    ),
    _feature("metrics", "without metrics", servers.gateway(KIRO_METRICS="false")),
    _feature("usage", "without records of usage", servers.gateway(KIRO_USAGE_DAYS="0")),
    _feature("page", "with the page open in a browser", servers.looked_at),
    _feature("record", "with a record of every exchange", servers.recorded),
    _feature("log", "without log lines of requests", servers.gateway(LOG_LEVEL="warning")),
)  # fmt: skip


class Run(NamedTuple):
    """One load on one side. ``cpu``: microseconds of the workers for a unit. ``grown``: bytes of
    the workers beyond those before the first load, while all streams are open; 0 if not paced."""

    cpu: float
    grown: int
    result: Result


class Compared(NamedTuple):
    """The runs of a row, one for each round."""

    row: Row
    what: list[Run]
    reference: list[Run]

    def ratio(self) -> Spread:
        """Return CPU time of what is measured, relative to that of the reference."""
        found = [a.cpu / b.cpu for a, b in zip(self.what, self.reference, strict=True)]
        return Spread(median(found), min(found), max(found))


def cpu(runs: Sequence[Run]) -> Spread:
    """Return microseconds for a unit."""
    found = [run.cpu for run in runs]
    return Spread(median(found), min(found), max(found))


def wait(runs: Sequence[Run], load: Load, percent: int) -> float | None:
    """Return milliseconds from a request to its first event, beyond those of the upstream."""
    return _median(
        (percentile(run.result.first, percent) for run in runs), lambda each: each - load.answer.gap
    )


def lag(runs: Sequence[Run], percent: int) -> float | None:
    """Return milliseconds from the moment at which an event is sent to its reading."""
    return _median((percentile(run.result.lags, percent) for run in runs), lambda each: each)


def kilobytes(runs: Sequence[Run], load: Load) -> float:
    """Return the memory of an open stream."""
    return median(run.grown for run in runs) / load.connections / KB


def _median(found: Iterator[float | None], of: Callable[[float], float]) -> float | None:
    known = [of(each) * 1e3 for each in found if each is not None]
    return median(known) if known else None


def measure(row: Row, rounds: int) -> Compared:
    """Measure a row. Raises LoadFailed and :class:`servers.CannotStart`."""
    compared = Compared(row, [], [])
    sides = ((row.what, compared.what), (row.reference, compared.reference))
    with ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        upstream = stack.enter_context(running(work, tls=row.tls))
        up = []
        for number, (side, runs) in enumerate(sides):
            home = work / f"{number}"
            home.mkdir()
            server = stack.enter_context(side.start(upstream, home))
            run(WARM_UP, server, upstream)
            run(_warm(side.load), server, upstream)
            time.sleep(SETTLE)
            up.append((side.load, server, server.pss(), runs))
        for number in range(rounds):
            for load, server, idle, runs in up if number % 2 == 0 else up[::-1]:
                try:
                    runs.append(run(load, server, upstream, idle))
                except LoadFailed as error:
                    raise LoadFailed(f"{row.name}: {error}") from None
    return compared


def _warm(load: Load) -> Load:
    """A little of the load."""
    few = min(load.connections, 4)
    return replace(load, connections=few, requests=min(load.requests, 3), ramp=0.0)


def run(load: Load, server: Server, upstream: Upstream, idle: int = 0) -> Run:
    """Run a load once. ``idle``: the bytes of the workers' memory before any. Raises LoadFailed."""
    upstream.answer(load.answer)
    held = []
    used = server.cpu()
    result = generate(
        load.plan(server.port), lambda: held.append(server.pss()) if load.answer.gap else None
    )
    time.sleep(SETTLE)
    used = server.cpu() - used
    return Run(used / load.units * 1e6, held[0] - idle if held else 0, result)
