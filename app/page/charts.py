"""The figures of charts; the templates draw them as SVG."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import NamedTuple

from app.accounting.entry import Speed, Total
from app.core.credits import number

BUCKETS = 12
"""Of the last hour."""

HOUR = 3600.0
WIDTH, HEIGHT = 600, 120
"""Units of a chart's view box."""


class Point(NamedTuple):
    """A dot of a line, in units of the view box, with its value."""

    x: float
    y: float
    value: float
    minutes_ago: int


class Line(NamedTuple):
    """A line over the last hour: its dots, the largest value, and the median of all values."""

    points: Sequence[Point]
    top: float
    median: float

    @property
    def path(self) -> str:
        """As the attribute ``points`` of a polyline."""
        return " ".join(f"{point.x:g},{point.y:g}" for point in self.points)


class Column(NamedTuple):
    """A column of a chart, in units of the view box."""

    x: float
    width: float
    y: float
    height: float
    label: str
    value: str


def days(totals: Sequence[Total], since: float, until: float) -> list[Column]:
    """A column for each day of that time, its height by the credits."""
    spent = {total.name: total.credits for total in totals}
    first, last = (datetime.fromtimestamp(at, UTC).date() for at in (since, until))
    names = [f"{first + timedelta(days=more)}" for more in range((last - first).days + 1)]
    return columns([(name, number(spent.get(name, 0))) for name in names])


def columns(values: Sequence[tuple[str, float]]) -> list[Column]:
    """A column for each label, its height by the number."""
    top = max((value for _, value in values), default=0.0) or 1.0
    step = WIDTH / max(len(values), 1)
    made = []
    for place, (label, value) in enumerate(values):
        height = round(value / top * (HEIGHT - 4), 1)
        width = min(step * 0.7, 48)
        x = round(place * step + (step - width) / 2, 1)
        made.append(
            Column(x, round(width, 1), round(HEIGHT - height, 1), height, label, f"{value:.2f}")
        )
    return made


def first_events(speeds: Sequence[Speed], now: float) -> Line | None:
    """Seconds to the first event; None without any answer."""
    return _line([(one.at, one.first_event / 1000) for one in speeds], now)


def throughput(speeds: Sequence[Speed], now: float) -> Line | None:
    """Tokens of output per second, from the first event on; None without any answer."""
    rates = []
    for one in speeds:
        if one.output_tokens and one.total > one.first_event:
            rates.append((one.at, one.output_tokens / (one.total - one.first_event) * 1000))
    return _line(rates, now)


def _line(values: Sequence[tuple[float, float]], now: float) -> Line | None:
    buckets: dict[int, list[float]] = {}
    for at, value in values:
        if 0 <= (ago := now - at) < HOUR:
            buckets.setdefault(int(ago // (HOUR / BUCKETS)), []).append(value)
    if not buckets:
        return None
    medians = {ago: median(found) for ago, found in buckets.items()}
    top = max(medians.values()) or 1.0
    points = []
    for ago in sorted(medians, reverse=True):
        x = WIDTH - (ago + 0.5) * WIDTH / BUCKETS
        y = round(HEIGHT - 6 - medians[ago] / top * (HEIGHT - 16), 1)
        points.append(Point(x, y, medians[ago], round((ago + 0.5) * 60 / BUCKETS)))
    return Line(points, top, median(value for found in buckets.values() for value in found))
