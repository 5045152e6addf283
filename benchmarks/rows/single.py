"""What is compared with nothing: a start, how a crowd spreads over workers, and how long large
requests keep all others waiting."""

import time
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.cases import MB
from benchmarks.figures import Spread, percentile
from benchmarks.load import LoadFailed, generate
from benchmarks.processes import memory
from benchmarks.rows import loads, servers
from benchmarks.rows.pairs import WARM_UP, run
from benchmarks.rows.upstream import Upstream, running
from tests.live.processes import children, files
from tests.live.servers import KEY, Gateway

ARRIVALS, WORKERS = 500, 4
STARTS_WITHIN = 30.0
ESTABLISHED = "01"  # in /proc/net/tcp
IDLE_SECONDS = 1.0


class Single(NamedTuple):
    """``once`` measures in front of an upstream, in an empty directory: a figure for each title."""

    name: str
    titles: tuple[str, ...]
    once: Callable[[Upstream, Path], tuple[float, ...]]


class Timed(Gateway):
    """A gateway that is ready when it has answered a request."""

    def _wait_until_ready(self) -> None:
        began = time.monotonic()
        request = urllib.request.Request(
            f"{self.url}/v1/messages", loads.hello(), {"x-api-key": KEY}
        )
        while time.monotonic() - began < STARTS_WITHIN:
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    answer.read()
            except OSError:
                time.sleep(0.005)
            else:
                self.took = time.monotonic() - began
                return
        raise LoadFailed(f"no answer after the start:\n{self.log_text()}")


def start(upstream: Upstream, work: Path) -> tuple[float, float]:
    """Return seconds from the start with two workers to the first answer, and the megabytes of all
    its processes after that."""
    upstream.answer(loads.SHORT.answer)
    settings = {**servers.environment(upstream), "WEB_CONCURRENCY": "2"}
    gateway = Timed(upstream.url, work, **settings)
    try:
        time.sleep(IDLE_SECONDS)
        processes = [gateway.process.pid, *children(gateway.process.pid)]
        return gateway.took, sum(memory(each).pss for each in processes) / MB
    finally:
        gateway.stop()


def spread(upstream: Upstream, work: Path) -> tuple[float]:
    """Return the percentage of a crowd of streams that the fullest worker has."""
    counts: list[int] = []
    crowd = replace(loads.slow(ARRIVALS), ramp=0.0)
    with servers.gateway(WEB_CONCURRENCY=f"{WORKERS}")(upstream, work) as server:
        run(replace(WARM_UP, connections=16), server, upstream)
        upstream.answer(crowd.answer)
        generate(
            crowd.plan(server.port),
            lambda: counts.extend(_clients(worker, server.port) for worker in server.workers),
        )
    return (100 * max(counts) / sum(counts),)


def _clients(pid: int, port: int) -> int:
    """Return how many connections of a process are at its ``port``."""
    rows = map(str.split, Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:])
    own = (f":{port:04X}", ESTABLISHED)
    local = {f"socket:[{row[9]}]" for row in rows if (row[1][-5:], row[3]) == own}
    return sum(name in local for name in files(pid))


def lag(upstream: Upstream, work: Path) -> tuple[float, float]:
    """Return milliseconds by which events are late while large requests come: 99th percentile, and
    the worst."""
    with servers.gateway()(upstream, work) as server:
        run(WARM_UP, server, upstream)
        upstream.answer(loads.PROBES.answer)
        plans = [each.plan(server.port) for each in (loads.PROBES, loads.LARGE_REQUESTS)]
        with ThreadPoolExecutor() as pool:
            lags = next(iter(pool.map(generate, plans))).lags
    late = percentile(lags, 99)
    assert late is not None
    return late * 1e3, max(lags) * 1e3


SINGLES = (
    Single(
        "start",
        ("from the start to the first answer, s", "master and two idle workers, PSS, MB"),
        start,
    ),
    Single(
        "spread",
        (f"{ARRIVALS} arrivals at once on {WORKERS} workers: share of the fullest, %",),
        spread,
    ),
    Single(
        "lag",
        (
            "requests of 4 MB: events of other streams are late by, ms, p99",
            "requests of 4 MB: the latest event of other streams, ms",
        ),
        lag,
    ),
)


def measure(single: Single, rounds: int) -> list[Spread]:
    """Return a spread for each title. Raises LoadFailed."""
    found = []
    for _ in range(rounds):
        with TemporaryDirectory(prefix="bench-") as work, running(Path(work)) as upstream:
            found.append(single.once(upstream, Path(work)))
    return [_spread(figures) for figures in zip(*found, strict=True)]


def _spread(figures: Sequence[float]) -> Spread:
    return Spread(median(figures), min(figures), max(figures))
