"""The command ``usage``."""

import sys
import time

import click
import msgspec

from app.settings import Settings, SettingsError

from . import report
from .assembly import reader
from .entry import GROUPINGS, Query


def add_to(group: click.Group) -> None:
    """Add the command."""

    @group.command()
    @click.option("--by", type=click.Choice(GROUPINGS), default="key", show_default=True)
    @click.option(
        "--since",
        default=report.DEFAULT_SINCE,
        show_default=True,
        metavar="TIME|DATE",
        help="A time before now, such as 7d, 12h or 30m, or a day such as 2026-11-27 (UTC).",
    )
    @click.option("--json", "form", flag_value="json", help="Print JSON.")
    @click.option("--csv", "form", flag_value="csv", help="Print comma-separated values.")
    def usage(by: str, since: str, form: str | None) -> None:
        """What the answers have cost, in requests, tokens and credits."""
        now = time.time()
        try:
            query = Query(report.grouping(by), report.moment(since, now))
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--since") from None
        try:
            settings = Settings.from_env()
        except SettingsError as error:
            sys.exit(str(error))
        if not settings.kiro_usage_days:
            sys.exit("no usage is kept: KIRO_USAGE_DAYS is 0")
        try:
            source = reader(settings)
        except ImportError as error:
            sys.exit(f"KIRO_TOKEN_STORE needs the extra `redis` ({error.name} is not installed)")
        try:
            found = report.make(source, query, now)
        except source.ERRORS as error:
            sys.exit(f"the usage cannot be read: {error}")
        if form == "json":
            click.echo(msgspec.json.format(msgspec.json.encode(report.document(found))).decode())
        elif form == "csv":
            click.echo(report.as_csv(found), nl=False)
        else:
            click.echo("\n".join(report.table(found)))
