"""The figures in the columns of tables and the lines of plots."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from math import ceil
from statistics import median
from typing import NamedTuple

from benchmarks.cases import KB, MB, Case
from benchmarks.end_to_end import Measured, Run
from benchmarks.load import Result
from benchmarks.processes import Memory

ENOUGH = 100
"""The least number of samples for a 99th percentile, and of streams for the memory of one."""


class Spread(NamedTuple):
    """Median, minimum and maximum of one figure over all rounds."""

    median: float
    low: float
    high: float


def spread(runs: Sequence[Run], figure: Callable[[Run], float]) -> Spread:
    """Return the spread of a figure over the runs."""
    values = [figure(run) for run in runs]
    return Spread(median(values), min(values), max(values))


def percentile(samples: Sequence[float], percent: int) -> float | None:
    """Return the nearest-rank percentile, or None if there are too few samples."""
    if not samples or (percent > 90 and len(samples) < ENOUGH):
        return None
    return sorted(samples)[ceil(percent / 100 * len(samples)) - 1]


def cpu_per_event(measured: Measured) -> Spread:
    """Return microseconds."""
    case, runs = measured
    return spread(runs, lambda run: run.cpu / _requests(case) / case.events * 1e6)


def cpu_per_request(measured: Measured) -> Spread:
    """Return milliseconds."""
    case, runs = measured
    return spread(runs, lambda run: run.cpu / _requests(case) * 1e3)


def memory_per_stream(measured: Measured) -> Spread | None:
    """Return the worker's growth in KB of PSS, or None if there are too few streams."""
    case, runs = measured
    if case.connections < ENOUGH:
        return None
    return spread(runs, lambda run: (_held(run).pss - run.idle.pss) / case.connections / KB)


def memory(measured: Measured) -> Spread:
    """Return the PSS of the worker in MB, with all streams open."""
    return spread(measured.runs, lambda run: _held(run).pss / MB)


def resident(measured: Measured) -> Spread:
    """Return the same in RSS, which fully counts memory shared with the master."""
    return spread(measured.runs, lambda run: _held(run).rss / MB)


def first_event(measured: Measured, percent: int, *, alone: bool = False) -> float | None:
    """Return milliseconds from a request to its first event; ``alone``: without a gateway."""
    return _milliseconds([result.first for result in _results(measured, alone)], percent)


def gap(measured: Measured, percent: int, *, alone: bool = False) -> float | None:
    """Return milliseconds between two events; ``alone``: without a gateway."""
    return _milliseconds([result.gaps for result in _results(measured, alone)], percent)


def _results(measured: Measured, alone: bool) -> list[Result]:
    if alone:
        return [run.alone for run in measured.runs if run.alone]
    return [run.seen for run in measured.runs]


def _held(run: Run) -> Memory:
    assert run.held, "the streams of a paced case stay open"
    return run.held


def _requests(case: Case) -> int:
    return case.connections * case.requests


def _milliseconds(times: Iterable[Sequence[float]], percent: int) -> float | None:
    found = percentile([*chain.from_iterable(times)], percent)
    return None if found is None else found * 1e3
