"""``python -m benchmarks [ROW...]``: measure, and write docs/performance.md.

Exits with 1 and writes nothing if an answer is not valid. With names of rows, only these are
measured and printed, and nothing is written.
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date

import click

from app.version import __version__
from benchmarks import end_to_end, parts, report
from benchmarks.cases import FULL, QUICK
from benchmarks.load import LoadFailed
from benchmarks.processes import OtherLoad, interpreter, machine, versions
from benchmarks.rows import measuring
from benchmarks.rows import report as rows_report

DOCS = parts.ROOT / "docs"
BUSY = 0.1
"""The share of CPU time of other programs above which the figures are doubtful."""
ROUNDS, SINGLE_ROUNDS = 7, 3


@click.command()
@click.argument("names", nargs=-1, metavar="[ROW]...")
@click.option("--rounds", default=ROUNDS, show_default=True, help="Rounds of each row.")
@click.option("--quick", is_flag=True, help="Run for two minutes and write nothing.")
def main(names: Sequence[str], rounds: int, quick: bool) -> None:
    """Measure the gateway, or only the rows with these names."""
    if unknown := set(names) - set(measuring.NAMES):
        sys.exit(f"no row {', '.join(sorted(unknown))}; there are: {' '.join(measuring.NAMES)}")
    others = OtherLoad()
    try:
        end_to_end.allow_files()
        if names:
            click.echo(_rows(names, rounds))
        else:
            _everything(1 if quick else rounds, others, quick=quick)
    except (LoadFailed, parts.PartsFailed) as error:
        sys.exit(f"nothing was written: {error}")
    if (share := others.share()) > BUSY:
        click.echo(f"doubtful figures: other programs used {share:.0%} of the CPU time")


def _rows(names: Sequence[str], rounds: int) -> str:
    singles = min(rounds, SINGLE_ROUNDS)
    found = measuring.measure(names, rounds, singles, _progress())
    return rows_report.sections(found, rounds, singles)


def _everything(rounds: int, others: OtherLoad, *, quick: bool) -> None:
    scale, tell = QUICK if quick else FULL, _progress()
    rows = _rows(measuring.NAMES, rounds)
    timed = parts.measure(0.05 if quick else 0.5)
    groups = end_to_end.measure(scale, tell)
    setting = report.Setting(
        f"{date.today()}", _code(), machine(), versions(), interpreter(), others.share()
    )
    page = DOCS / "performance.md"
    kept = report.by_hand(page.read_text(encoding="utf-8"))
    text = report.markdown(setting, scale, groups, timed, rows, kept)
    if quick:
        click.echo(text)
        return
    from benchmarks import plots  # matplotlib is one of the tools, which rows do not need

    page.write_text(text, encoding="utf-8")
    plots.streams(groups["streams"], DOCS / report.STREAMS_PLOT)
    sizes = {name: groups[name] for name in ("text", "images")}
    plots.sizes(sizes, DOCS / report.SIZES_PLOT)
    click.echo("docs/performance.md and its plots were written")


def _progress() -> measuring.Progress:
    """Return what tells a line and how long this has taken."""
    began = time.monotonic()

    def tell(line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        click.echo(f"{minutes:2d}:{seconds:02d} {line}")

    return tell


def _code() -> str:
    """Return the version and, in a git checkout, the commit."""
    outputs = [
        subprocess.run(
            ["git", *command], cwd=parts.ROOT, capture_output=True, text=True, check=False
        ).stdout.strip()
        for command in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--", "app"])
    ]
    commit, changed = outputs
    if not commit:
        return __version__
    return f"{__version__} at {commit}{' with changes' if changed else ''}"


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
