"""The figures of one worker, in memory-mapped files of the format that prometheus_client merges.

Each figure is written where the kernel keeps it, so it outlives a worker that is killed. Of
``prometheus_client`` the format and the exposition are used, not its metric objects: those take a
lock and look at the process id for each addition, which costs several times as much.
"""

from bisect import bisect_left
from pathlib import Path
from struct import Struct
from typing import Any

from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.utils import floatToGoString

from .table import Metric

_Dict: Any = MmapedDict  # it has no types
_bound: Any = floatToGoString
_write = Struct("dd").pack_into

SIZE = 1 << 16
"""Bytes of a new file; prometheus_client doubles it when it is full."""

INFINITY = float("inf")


class File(_Dict):  # type: ignore[misc]
    """A file of numbers, of which each knows its own place: prometheus_client looks that up for
    each write, in three calls.
    """

    def place(self, key: str) -> int:
        """Where the number of a key and its time are, for good, among the bytes of the file."""
        self.read_value(key)
        at: int = self._positions[key]
        return at


class Cell:
    """One number."""

    __slots__ = ("_file", "_place", "_value")

    def __init__(self, file: File, key: str) -> None:
        self._file, self._place = file, file.place(key)
        self._value: float = file.read_value(key)[0]

    def add(self, amount: float = 1.0) -> None:
        value = self._value = self._value + amount
        _write(self._file._m, self._place, value, 0.0)  # at once, as a reader must see it

    def set(self, value: float) -> None:
        self._value = value
        _write(self._file._m, self._place, value, 0.0)


class Distribution:
    """The numbers of one histogram."""

    __slots__ = ("_bounds", "_cells", "_sum")

    def __init__(self, bounds: tuple[float, ...], cells: list[Cell], total: Cell) -> None:
        self._bounds, self._cells, self._sum = bounds, cells, total

    def observe(self, value: float) -> None:
        self._cells[bisect_left(self._bounds, value)].add()
        self._sum.add(value)


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
            made = self._cells[metric.name, *values] = self._cell(
                metric, metric.exposed, metric.labels, values
            )
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
        cells = [self._cell(metric, name, labels, (*values, _bound(bound))) for bound in bounds]
        total = self._cell(metric, f"{metric.name}_sum", metric.labels, values)
        return Distribution(bounds, cells, total)

    def _cell(
        self, metric: Metric, name: str, labels: tuple[str, ...], values: tuple[str, ...]
    ) -> Cell:
        key = mmap_key(metric.name, name, [*labels], [*values], metric.meaning)
        return Cell(self._file(metric), key)

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


def _create(path: Path) -> None:
    """Make a file of zeros, unless it is there: whole at once, since another worker may be reading
    what it finds, and cannot read an empty one."""
    if not path.exists():
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.truncate(SIZE)
        new.replace(path)
