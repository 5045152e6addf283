"""The commands ``settings show``, ``settings check``, ``settings markdown`` and
``settings env-example``.
"""

import sys
from collections.abc import Iterator
from typing import Any

import click

from app.common.program import columns
from app.settings import Settings, SettingsError, docs, setting_fields, variable


def add_to(group: click.Group) -> None:
    """Add the commands."""

    @group.group()
    def settings() -> None:
        """The settings: those in force, whether they are valid, all that there are."""

    @settings.command()
    def show() -> None:
        """Print every setting, its value and where it comes from; secrets are hidden."""
        try:
            found = Settings.from_env()
        except SettingsError as error:
            sys.exit(str(error))
        for line in columns([("SETTING", "VALUE", "FROM"), *rows(found)]):
            click.echo(line)
        _warn(found)

    @settings.command()
    @click.option("--strict", is_flag=True, help="Fail for warnings too.")
    def check(strict: bool) -> None:
        """Check everything that a start needs but the port: settings, the credential if there is
        one, client keys.

        Exit code: 0 if the server would start, 1 if not (with --strict, also for a warning).
        """
        from app import preflight
        from app.credentials import is_configured

        try:
            found = Settings.from_env()
            warning = preflight.check_quietly(found, needs_credential=is_configured(found))
        except (SettingsError, preflight.CannotStart) as error:
            sys.exit(str(error))
        if warning:
            click.echo(f"! {warning}", err=True)
        _warn(found)
        click.echo("The settings are valid.")
        sys.exit(int(strict and bool(warning or found.warnings)))

    @settings.command()
    def markdown() -> None:
        """Print the reference of all settings, for docs/settings.md."""
        click.echo(docs.markdown(), nl=False)

    @settings.command("env-example")
    def env_example() -> None:
        """Print every setting as a line of a .env file."""
        click.echo(docs.env_example(), nl=False)


def rows(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Each setting: its variable, its value as a user would write it, where it was found."""
    for item in setting_fields():
        name, value = variable(item), getattr(settings, item.name)
        default = "the default" if item.metadata["default"] else "not set"
        where = settings.origins.get(name, default)
        is_hidden = item.metadata["secret"] and name in settings.origins
        yield name, _hidden(value) if is_hidden else _text(value), where


def _hidden(value: str | None) -> str:
    return "" if value is None else f"{len(value)} hidden characters"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if hasattr(value, "items"):
        return ", ".join(f"{alias}={model}" for alias, model in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _warn(settings: Settings) -> None:
    for warning in settings.warnings:
        click.echo(f"! {warning}", err=True)
