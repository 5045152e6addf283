"""Writes the estimator's errors into docs/counting.md: ``python -m benchmarks.counting.errors``.

An error is the estimate through the reference's count, less one, of a text that the weights were
not fitted to.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import get_args

from app.core.tokens.text import UNIT, estimator
from app.core.tokens.weights import Family

from . import Sample, samples

PAGE = Path(__file__).parents[2] / "docs" / "counting.md"
BYTES_PER_TOKEN = 3.5
"""The estimate that this one replaced, for comparison: that of the official language servers."""
EXTREME = "rules and indentation"
"""The kind of samples that show how far the estimate can be off."""

_TABLE = re.compile(r"(<!-- errors -->\n).*(<!-- end of errors -->)", re.DOTALL)


def error(sample: Sample, family: Family) -> float:
    """By which part of the reference's count the estimate is too high."""
    return estimator(family).text(sample.text) / UNIT / sample.tokens[family] - 1


def _of_size(sample: Sample, family: Family) -> float:
    return len(sample.text.encode()) / BYTES_PER_TOKEN / sample.tokens[family] - 1


def _row(title: str, found: list[Sample]) -> str:
    cells = []
    for family in get_args(Family):
        errors = [error(sample, family) for sample in found]
        by_size = fmean(abs(_of_size(sample, family)) for sample in found)
        least, most = f"{min(errors):+.0%}", f"{max(errors):+.0%}"
        spread = least if least == most else f"{least} to {most}"
        cells.append(f"{fmean(map(abs, errors)):.0%} ({spread}); {by_size:.0%}")
    return f"| {title} | {len(found)} | {' | '.join(cells)} |"


def table() -> Iterator[str]:
    """The lines of the table."""
    checked = [sample for sample in samples() if not sample.fitted]
    yield "| Text | Samples | `claude` | `claude-4.7` | `gpt` |"
    yield "|---|--:|---|---|---|"
    groups: dict[str, list[Sample]] = {}
    for sample in checked:
        is_language = sample.kind in ("prose", "program's messages")
        groups.setdefault(sample.name if is_language else sample.kind, []).append(sample)
    for title, found in groups.items():
        yield _row(title, found)
    yield _row(f"all but {EXTREME}", [sample for sample in checked if sample.kind != EXTREME])


def written(page: str) -> str:
    """The page with the table of today."""
    return _TABLE.sub(lambda found: found[1] + "\n".join(table()) + "\n" + found[2], page)


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(written(PAGE.read_text()))


if __name__ == "__main__":
    main()
