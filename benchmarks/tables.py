"""Tables of figures in Markdown."""

from collections.abc import Iterable, Sequence

from benchmarks.figures import Spread


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int) -> str:
    """Return a table whose first ``texts`` columns hold text and the others figures."""
    rule = ["---"] * texts + ["--:"] * (len(head) - texts)
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, rule, *rows])


def spread(found: Spread | None) -> str:
    """Return median, minimum and maximum; a dash of None."""
    if found is None:
        return "-"
    return f"{number(found.median)} ({number(found.low)}-{number(found.high)})"


def number(value: float | None) -> str:
    """Return ``value`` with three significant digits; a dash of None."""
    if value is None:
        return "-"
    return f"{value:,.{max(0, 3 - len(str(int(abs(value)))))}f}"
