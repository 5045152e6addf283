"""The figures of one worker, in memory-mapped files of the format that prometheus_client merges.

Each figure is written where the kernel keeps it, so it outlives a worker that is killed. Of
``prometheus_client`` the format and the exposition are used, not its metric objects: those take a
lock and look at the process id for each addition, which costs several times as much.
"""

from bisect import bisect_left
from pathlib import Path
from typing import Any

from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.utils import floatToGoString

from .table import Metric

_Dict: Any = MmapedDict  # it has no types
_bound: Any = floatToGoString

SIZE = 1 << 16
"""Bytes of a new file; prometheus_client doubles it when it is full."""

INFINITY = float("inf")


class File(_Dict):  # type: ignore[misc]
    """A file of :attr:`numbers`. One that is assigned is in the file at once and as a whole, for
    whoever reads it: ``struct.pack_into`` would write zeros first.
    """

    def number(self, key: str) -> int:
        """Which of the numbers is that of a key, for good."""
        self.read_value(key)  # makes it on first use; then the file may be mapped anew
        self.numbers = memoryview(self._m).cast("d")
        at: int = self._positions[key]
        return at // self.numbers.itemsize

    def close(self) -> None:
        """What it holds stays."""
        self.numbers = memoryview(b"")
        super().close()


class Cell:
    """One number."""

    __slots__ = ("_file", "_number")

    def __init__(self, file: File, key: str) -> None:
        self._file, self._number = file, file.number(key)

    def add(self, amount: float = 1.0) -> None:
        self._file.numbers[self._number] += amount

    def set(self, value: float) -> None:
        self._file.numbers[self._number] = value


class Distribution:
    """The numbers of one histogram: one for each bound, and the sum."""

    __slots__ = ("_bounds", "_counts", "_file", "_sum")

    def __init__(self, file: File, bounds: tuple[float, ...], keys: list[str], total: str) -> None:
        self._file, self._bounds = file, bounds
        self._counts = [file.number(key) for key in keys]
        self._sum = file.number(total)

    def observe(self, value: float) -> None:
        numbers = self._file.numbers
        numbers[self._counts[bisect_left(self._bounds, value)]] += 1
        numbers[self._sum] += value


class Store:
    """The files of one slot (:mod:`.directory`) and the numbers in them, made on first use. What a
    former worker of the slot has counted goes on; its gauges were removed.
    """

    def __init__(self, directory: Path, slot: int) -> None:
        self._directory, self._slot = directory, slot
        self._files: dict[str, File] = {}
        self._cells: dict[tuple[Any, ...], Cell] = {}
        self._distributions: dict[tuple[Any, ...], Distribution] = {}

    def cell(self, metric: Metric, *values: str) -> Cell:
        """The number of a counter or a gauge for these values of its labels."""
        try:
            return self._cells[metric.name, *values]
        except KeyError:
            key = _key(metric, metric.exposed, metric.labels, values)
            made = self._cells[metric.name, *values] = Cell(self._file(metric), key)
            return made

    def distribution(self, metric: Metric, *values: str) -> Distribution:
        """The histogram for these values of its labels."""
        try:
            return self._distributions[metric.name, *values]
        except KeyError:
            made = self._distributions[metric.name, *values] = self._distribution(metric, values)
            return made

    def close(self) -> None:
        """Close the files; what they hold stays."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _distribution(self, metric: Metric, values: tuple[str, ...]) -> Distribution:
        bounds = (*metric.buckets, INFINITY)
        name, labels = f"{metric.name}_bucket", (*metric.labels, "le")
        keys = [_key(metric, name, labels, (*values, _bound(bound))) for bound in bounds]
        total = _key(metric, f"{metric.name}_sum", metric.labels, values)
        return Distribution(self._file(metric), bounds, keys, total)

    def _file(self, metric: Metric) -> File:
        prefix = f"gauge_{metric.merge}" if metric.kind == "gauge" else metric.kind
        if prefix not in self._files:
            path = self._directory / f"{prefix}_{self._slot}.db"
            _create(path)
            try:
                self._files[prefix] = File(str(path))
            except RuntimeError:  # its worker was killed in the middle of a new key
                path.unlink()
                _create(path)
                self._files[prefix] = File(str(path))
        return self._files[prefix]


def _key(metric: Metric, name: str, labels: tuple[str, ...], values: tuple[str, ...]) -> str:
    """What the file calls a number of the metric."""
    key: str = mmap_key(metric.name, name, [*labels], [*values], metric.meaning)
    return key


def _create(path: Path) -> None:
    """Make a file of zeros, unless it is there: whole at once, since another worker may be reading
    what it finds, and cannot read an empty one."""
    if not path.exists():
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.truncate(SIZE)
        new.replace(path)
