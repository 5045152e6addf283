"""A report of what answers have cost: the values, and how they are written."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from msgspec import UNSET, Struct, structs

from app.core.credits import MICRO, number, rounded, text

from .accounts import Comparison, compare
from .entry import COUNTERS, GROUPINGS, Query, Reading, Scope, Total, added
from .shapes import AccountComparison, Usage, UsageTotal

DEFAULT_SINCE = "7d"
LONGEST = timedelta(days=3660)

_LENGTH = re.compile(r"(\d{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Reader(Protocol):
    """Where the answers are; the methods raise one of :attr:`ERRORS`, and wait."""

    ERRORS: tuple[type[Exception], ...]
    scope: Scope

    def begins(self, query: Query) -> float:
        """From when on the answers of a query are added up."""

    def totals(self, query: Query) -> list[Total]:
        """What the answers have cost, by name."""

    def lost(self, since: float) -> int:
        """How many answers could not be kept."""

    def readings(self, since: float) -> list[Reading]:
        """What the service said of the accounts, the oldest first."""


class Report(Struct, frozen=True):
    """``scope``: ``host``, or ``all hosts``. ``missing``: answers that could not be kept.
    ``accounts`` is empty unless totals are by account.
    """

    query: Query
    scope: Scope
    since: float
    until: float
    totals: Sequence[Total]
    missing: int
    accounts: Sequence[Comparison]

    @property
    def sum(self) -> Total:
        """All of it."""
        return added(self.totals, "total")


def make(reader: Reader, query: Query, now: float) -> Report:
    """The report; what cost most comes first, days in their order. Raises what the reader does."""
    totals = reader.totals(query)
    if query.by == "day":
        totals.sort(key=lambda one: one.name)
    else:
        totals.sort(key=lambda one: (-one.credits, -one.requests, one.name))
    begins = reader.begins(query)
    accounts = compare(reader.readings(begins)) if query.by == "account" else []
    missing = 0 if query.key else reader.lost(query.since)
    return Report(query, reader.scope, begins, now, totals, missing, accounts)


def moment(text: str, now: float) -> float:
    """``7d``, ``12h`` or ``30m`` before now, or the beginning of a day such as 2026-11-27, in UTC.
    Raises ValueError with what is allowed.
    """
    try:
        if found := _LENGTH.fullmatch(text):
            back = timedelta(**{_UNITS[found[2]]: int(found[1])})
            if back <= LONGEST:
                return now - back.total_seconds()
        else:
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        pass
    raise ValueError(
        f"{text!r} is neither a time such as 7d, 12h or 30m nor a day such as 2026-11-27"
    )


def document(report: Report) -> Usage:
    """The report as JSON, with credits as numbers and times as text."""
    return Usage(
        object="usage",
        by=report.query.by,
        scope=report.scope,
        since=written(report.since),
        until=written(report.until),
        data=[_shown(one) for one in report.totals],
        total=_shown(report.sum),
        missing=report.missing,
        accounts=(
            [_comparison(one) for one in report.accounts] if report.query.by == "account" else UNSET
        ),
    )


def as_csv(report: Report) -> str:
    """A row for each name, under a row of titles."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow([report.query.by, *COUNTERS])
    for one in report.totals:
        shown = _shown(one)
        rows.writerow([_harmless(one.name), *(getattr(shown, name) for name in COUNTERS)])
    return out.getvalue()


def table(report: Report) -> Iterator[str]:
    """The report as lines of text."""
    titles = (
        report.query.by, "requests", "failed", "input", "output", "cache read", "cache written",
        "credits",
    )  # fmt: skip
    rows = [titles, *map(_row, [*report.totals, report.sum])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    yield f"{written(report.since)} to {written(report.until)}, {report.scope}"
    for name, *cells in rows:
        right = (cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join([name.ljust(widths[0]), *right]).rstrip()
    if unpriced := report.sum.unpriced:
        yield f"The service named no price for {unpriced} of the requests."
    if report.missing:
        yield f"{report.missing} answers are missing: they could not be kept."
    for one in report.accounts:
        yield (
            f"{one.account}: the service counts {rounded(one.counted)} credits from "
            f"{written(one.since)} to {written(one.until)}; {rounded(one.recorded)} are recorded "
            f"here, a difference of {_signed(one.difference)}."
        )


def written(at: float) -> str:
    """A moment as text, in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%FT%TZ}"


def grouping(text: str) -> Any:
    """The grouping of that name. Raises ValueError."""
    if text not in GROUPINGS:
        raise ValueError(f"{text!r} is none of {', '.join(GROUPINGS)}")
    return text


def _shown(one: Total) -> UsageTotal:
    members = structs.asdict(one)
    return UsageTotal(**(members | {"credits": number(one.credits)}))


def _comparison(one: Comparison) -> AccountComparison:
    return AccountComparison(
        account=one.account,
        since=written(one.since),
        until=written(one.until),
        counted=number(one.counted),
        recorded=number(one.recorded),
        difference=number(one.difference),
    )


def _row(one: Total) -> tuple[str, ...]:
    tokens = (one.input_tokens, one.output_tokens, one.cache_read_tokens, one.cache_write_tokens)
    counts = map(str, (one.requests, one.failed, *tokens))
    return (one.name or "(none)", *counts, rounded(one.credits))


def _signed(amount: int) -> str:
    if 0 < abs(amount) < MICRO // 100:  # neither more nor less than nothing by its two decimals
        return text(amount)
    return f"-{rounded(-amount)}" if amount < 0 else rounded(amount)


def _harmless(name: str) -> str:
    """A name that no spreadsheet takes for a formula."""
    return f"'{name}" if name[:1] in "=+-@\t\r" and name else name
