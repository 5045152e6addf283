"""The two plots of docs/performance.md, as SVG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from benchmarks import figures
from benchmarks.cases import KB, MB
from benchmarks.end_to_end import Measured
from benchmarks.figures import Spread

STYLE: Any = {"svg.hashsalt": "bench", "svg.fonttype": "none", "font.size": 9, "axes.grid": True}
WIDTH, HEIGHT = 8.0, 3.2
PLAIN = StrMethodFormatter("{x:g}")
INK = ("#1f5fa8", "#c0561b")


def streams(measured: Sequence[Measured], path: Path) -> None:
    """Plot the CPU time of an event and the memory of the worker against the number of streams."""
    with pyplot.rc_context(STYLE):
        figure, (cpu, memory) = pyplot.subplots(1, 2, figsize=(WIDTH, HEIGHT))
        counts = [each.case.x for each in measured]
        _line(cpu, counts, [figures.cpu_per_event(each) for each in measured], "", INK[0])
        _frame(cpu, "CPU time of an event", "streams at a time", "µs")
        _line(memory, counts, [figures.memory(each) for each in measured], "", INK[0])
        _frame(memory, "Memory of the worker", "streams at a time", "MB (PSS)")
        for axes in (cpu, memory):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(PLAIN)
            axes.set_ylim(bottom=0)
        _save(figure, path)


def sizes(groups: Mapping[str, Sequence[Measured]], path: Path) -> None:
    """Plot the CPU time of a request and the wait for its first event against its size."""
    with pyplot.rc_context(STYLE):
        figure, (cpu, wait) = pyplot.subplots(1, 2, figsize=(WIDTH, HEIGHT))
        for (name, measured), ink in zip(groups.items(), INK, strict=True):
            bytes_sent = [each.case.x for each in measured]
            _line(cpu, bytes_sent, [figures.cpu_per_request(each) for each in measured], name, ink)
            waits = [figures.first_event(each, 50) for each in measured]
            wait.plot(bytes_sent, waits, "o-", color=ink, label=f"{name}, gateway")
            alone = [figures.first_event(each, 50, alone=True) for each in measured]
            wait.plot(bytes_sent, alone, "--", color=ink, label=f"{name}, upstream alone")
        _frame(cpu, "CPU time of a request", "size of the request", "ms")
        _frame(wait, "First event, median", "size of the request", "ms")
        for axes in (cpu, wait):
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(PLAIN)
            axes.set_xticks([KB, 8 * KB, 64 * KB, 512 * KB, 8 * MB])
            axes.set_xticklabels(["1 KB", "8 KB", "64 KB", "512 KB", "8 MB"])
            axes.minorticks_off()
            axes.legend()
        _save(figure, path)


def _line(axes: Axes, x: list[int], found: list[Spread], label: str, ink: str) -> None:
    """Draw a line through the medians, with minimum and maximum as error bars."""
    middle = [each.median for each in found]
    below = [each.median - each.low for each in found]
    above = [each.high - each.median for each in found]
    axes.errorbar(x, middle, [below, above], fmt="o-", capsize=3, color=ink, label=label)


def _frame(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _save(figure: Figure, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
