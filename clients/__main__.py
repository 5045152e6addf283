"""``python -m clients [CLIENT ...]``: run clients; exits with 1 if an installed one fails.

The report is written only when all clients were run.
"""

import sys
from pathlib import Path

import click

from clients.bench import run
from clients.case import Case
from clients.catalogue import CASES
from clients.install import NotInstalled
from clients.report import Result, markdown
from clients.verdict import problems

REPORT = Path(__file__).parent.parent / "docs" / "clients.md"
NAMES = tuple(dict.fromkeys(case.client for case in CASES))


@click.command()
@click.argument("clients", nargs=-1, type=click.Choice(NAMES))
@click.option("--show", is_flag=True, help="Print what each client printed.")
def main(clients: tuple[str, ...], show: bool) -> None:
    """Run real clients against the gateway."""
    results = [_try(case, show) for case in CASES if not clients or case.client in clients]
    if not clients:
        REPORT.write_text(markdown(results), encoding="utf-8")
    verdicts = [result.verdict for result in results]
    click.echo(f"clients: {verdicts.count('passed')} passed, {verdicts.count('failed')} failed")
    sys.exit("failed" in verdicts)


def _try(case: Case, show: bool) -> Result:
    """Run one case and print the result."""
    try:
        seen = run(case)
    except NotInstalled as error:
        result = Result(case, [], missing=str(error))
    else:
        result = Result(case, problems(case, seen))
        if show or result.problems:
            click.echo(seen.output)
    click.echo(f"{case.name} {case.version}, {case.api}: {result.verdict}")
    for text in [*result.problems, *filter(None, [result.missing])]:
        click.echo(f"  {text}")
    return result


if __name__ == "__main__":
    main(prog_name="python -m clients")
