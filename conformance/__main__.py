"""``python -m conformance [PACKAGE ...]``: run the suites; exits with 1 upon a failure.

The report is written only when all suites were run.
"""

import sys

import click

from conformance import report, workshop
from conformance.run import Result, run
from conformance.suites import SUITES

REPORT = workshop.ROOT / "docs" / "conformance.md"


@click.command()
@click.argument("packages", nargs=-1, type=click.Choice([suite.package for suite in SUITES]))
def main(packages: tuple[str, ...]) -> None:
    """Run the SDKs' own suites against the gateway."""
    chosen = [suite for suite in SUITES if not packages or suite.package in packages]
    results = [run(suite) for suite in chosen]
    for result in results:
        _print(result)
    if len(chosen) == len(SUITES):
        REPORT.write_text(report.markdown(results), encoding="utf-8")
    sys.exit(any(result.problems for result in results))


def _print(result: Result) -> None:
    """Print the failures, and a summary line."""
    for problem in result.problems:
        click.echo(f"{result.package}: {problem}\n")
    passed = sum(file.passed + file.refused for file in result.files.values())
    click.echo(f"{result.package} {result.version}: {passed} passed, {len(result.problems)} failed")


if __name__ == "__main__":
    main(prog_name="python -m conformance")
