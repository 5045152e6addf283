"""The command ``models``."""

import logging
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click
import msgspec

from app.common.errors import GatewayError
from app.common.program import columns
from app.credentials import Credentials
from app.models.model import Model
from app.settings import Settings, SettingsError

from . import assembly
from .choice import ModelChoice
from .live import Lister
from .record import Record

_HEAD = ("MODEL", "WINDOW", "OUTPUT", "EFFORTS", "INPUT", "RATE", "ACCOUNTS")


def add_to(group: click.Group, lister: Callable[[Settings], Lister]) -> None:
    """Add the command. ``lister`` builds the client that asks the service."""

    @group.command()
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.option("--refresh", is_flag=True, help="Ask the service even if the lists are young.")
    def models(as_json: bool, refresh: bool) -> None:
        """The models of the accounts: windows, efforts, rates, who has what, and since when."""
        try:
            settings = Settings.from_env()
            show(settings, lister(settings), as_json=as_json, refresh=refresh)
        except (GatewayError, SettingsError) as error:
            sys.exit(str(error))


def show(settings: Settings, lister: Lister, *, as_json: bool, refresh: bool) -> None:
    """Print the list. Raises GatewayError."""
    logging.getLogger("kiro2api").addHandler(logging.NullHandler())  # problems are printed below
    now = time.time()
    credentials = Credentials.from_settings(settings)
    try:
        since = now if refresh else 0.0
        choice, records = read_lists(settings, credentials, lister, since=since)
    finally:
        credentials.close()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(_document(choice, records)), indent=2))
        return
    for line in columns([_HEAD, *_rows(choice)]):
        click.echo(line)
    click.echo()
    for account, record in records.items():
        click.echo(account_line(account, record, now))


def read_lists(
    settings: Settings, credentials: Credentials, lister: Lister, *, since: float = 0.0
) -> tuple[ModelChoice, Mapping[str, Record]]:
    """The models as the lists of the accounts say, and the list of each account. Asks the service
    for lists that are due, or older than ``since``.
    """
    choice = assembly.model_choice(settings)
    lists = assembly.live_lists(settings, choice, credentials, lister, since=since)
    try:
        lists.look()
        return choice, lists.records()
    finally:
        lists.close()


def account_line(account: str, record: Record, now: float) -> str:
    """How old the list of an account is, and what is wrong with it, as one line."""
    good = record.good(now)
    if good:
        age = f"{len(good.models)} models, read {_age(now - record.listed_at)} ago"
    else:
        age = "not read; the gateway's own table answers"
    return f"{account}: {age}" + (f" ({record.problem})" if record.problem else "")


def _rows(choice: ModelChoice) -> Iterator[Sequence[str]]:
    preferred = choice.names.resolve(choice.names.default_name()).model
    for model in choice.names.listing():
        mark = " (default)" if model == preferred else ""
        yield (
            model.id + mark,
            _tokens(model.context_window),
            _tokens(model.max_output),
            _efforts(model),
            "+".join(model.input_types),
            "?" if model.rate is None else f"{model.rate:g}",
            ", ".join(_owners(choice, model)) or "?",
        )


def _owners(choice: ModelChoice, model: Model) -> list[str]:
    """The accounts whose list was read and has the model."""
    merged = choice.merged
    return [account for account in merged.lists if merged.lists_model(account, model)]


def _document(choice: ModelChoice, records: Mapping[str, Record]) -> dict[str, Any]:
    models = [
        {**msgspec.to_builtins(model), "accounts": _owners(choice, model)}
        for model in choice.names.listing()
    ]
    accounts = {
        account: {
            "listed_at": record.listed_at or None,
            "models": len(record.catalogue.models) if record.catalogue else None,
            "problem": record.problem or None,
        }
        for account, record in records.items()
    }
    return {"default": choice.names.default_name(), "models": models, "accounts": accounts}


def _efforts(model: Model) -> str:
    fields = model.fields
    return " ".join(f"{e}*" if e == fields.default_effort else e for e in fields.efforts) or "-"


def _tokens(count: int | None) -> str:
    if count is None:
        return "?"
    return f"{count / 1e6:g}M" if count >= 1_000_000 else f"{count / 1e3:g}k"


def _age(seconds: float) -> str:
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{round(minutes / 60)} h"
