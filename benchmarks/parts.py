"""Runs ``test_parts`` and reads the results of pytest-benchmark."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

ROOT = Path(__file__).parent.parent


class Part(Struct, frozen=True):
    """The cost of one unit of work in microseconds of CPU time: median and interquartile range."""

    part: str
    what: str
    unit: str
    median: float
    iqr: float


class _Stats(Struct):
    median: float
    iqr: float


class _Told(Struct):
    part: str
    what: str
    unit: str
    count: int


class _Benchmark(Struct):
    extra_info: _Told
    stats: _Stats


class _Report(Struct):
    benchmarks: list[_Benchmark]


class PartsFailed(Exception):
    """pytest failed, and has printed the reason."""


def measure(seconds: float) -> list[Part]:
    """Time all parts, each for ``seconds``. Raises :class:`PartsFailed`."""
    with TemporaryDirectory(prefix="bench-") as work:
        report = Path(work) / "parts.json"
        command = [
            *(sys.executable, "-m", "pytest", "benchmarks/test_parts.py", "-p", "no:xdist"),
            *("--benchmark-only", "--benchmark-quiet", "--benchmark-disable-gc"),
            *("--benchmark-timer=time.process_time", "--benchmark-columns=median,iqr"),
            *(f"--benchmark-max-time={seconds}", f"--benchmark-json={report}"),
        ]
        if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
            raise PartsFailed("a part could not be timed; pytest has said why")
        return read(report.read_bytes())


def read(report: bytes) -> list[Part]:
    """Return the parts in a report of pytest-benchmark, in the order of their runs."""
    found = msgspec.json.decode(report, type=_Report).benchmarks
    return [_part(each.extra_info, each.stats) for each in found]


def _part(told: _Told, stats: _Stats) -> Part:
    to_unit = 1e6 / told.count
    return Part(told.part, told.what, told.unit, stats.median * to_unit, stats.iqr * to_unit)
