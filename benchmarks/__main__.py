"""``python -m benchmarks``: measure, and write docs/performance.md.

Exits with 1 and writes nothing if an answer is not valid.
"""

import subprocess
import sys
from datetime import date

import click

from app.version import __version__
from benchmarks import end_to_end, parts, plots, report
from benchmarks.cases import FULL, QUICK
from benchmarks.processes import OtherLoad, machine, versions

DOCS = parts.ROOT / "docs"
BUSY = 0.1
"""The share of CPU time of other programs above which the figures are doubtful."""


@click.command()
@click.option("--quick", is_flag=True, help="Run for a minute and write nothing.")
def main(quick: bool) -> None:
    """Measure the gateway."""
    scale, others = QUICK if quick else FULL, OtherLoad()
    try:
        timed = parts.measure(0.05 if quick else 0.5)
        groups = end_to_end.measure(scale, click.echo)
    except (end_to_end.LoadFailed, parts.PartsFailed) as error:
        sys.exit(f"nothing was written: {error}")
    share = others.share()
    setting = report.Setting(f"{date.today()}", _code(), machine(), versions(), share)
    text = report.markdown(setting, scale, groups, timed)
    if quick:
        click.echo(text)
        return
    (DOCS / "performance.md").write_text(text, encoding="utf-8")
    plots.streams(groups["streams"], DOCS / report.STREAMS_PLOT)
    sizes = {name: groups[name] for name in ("text", "images")}
    plots.sizes(sizes, DOCS / report.SIZES_PLOT)
    click.echo("docs/performance.md and its plots were written")
    if share > BUSY:
        click.echo(f"doubtful figures: other programs used {share:.0%} of the CPU time")


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
