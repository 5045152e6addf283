"""The commands ``keys add``, ``keys set``, ``keys rotate``, ``keys list`` and ``keys revoke``."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from msgspec.structs import replace

from app.core import credits
from app.models import names
from app.models.catalogue import STATIC, Catalogue
from app.settings import Settings, SettingsError

from . import key_file
from .key_file import ClientKey, FormerKey, KeysError
from .limits import is_meant
from .options import NONE, REMOVED, Credits, Duration, Expiry, OrNone

_Command = TypeVar("_Command", bound=Callable[..., Any])


Known = Callable[[Settings], Catalogue]


def _table(_: Settings) -> Catalogue:
    return STATIC


def add_to(group: click.Group, known: Known = _table) -> None:
    """Add the commands. ``known`` gives the models that a key may be limited to."""

    @group.group("keys")
    def commands() -> None:
        """Client keys besides KIRO_CLIENT_TOKEN; a running gateway picks up changes by itself."""

    _add_changes(commands, known)

    @commands.command("list")
    def show() -> None:
        """Print a line for each key: name, models, limits, expiry."""
        with _exit_on_error():
            for key in key_file.read(_path()):
                click.echo(line(key, key_file.now()))

    @commands.command()
    @click.argument("name")
    def revoke(name: str) -> None:
        """Refuse a key from now on; answers in progress are finished."""
        with _exit_on_error():
            key_file.change(_path(), lambda kept: _removed(kept, name))
            click.echo(f"The key of {name} is revoked.")


def _add_changes(commands: click.Group, known: Known) -> None:
    @commands.command()
    @click.argument("name")
    @_limit_options(removable=False)
    def add(name: str, **given: Any) -> None:
        """Make a key and print it, this once: only its hash is kept."""
        with _exit_on_error():
            secret = key_file.new_key()
            settings = Settings.from_env()
            key = replace(ClientKey(name, key_file.digest(secret)), **_changes(given))
            added = _checked(key, settings, known(settings))
            key_file.change(_path(), lambda kept: [*_without_duplicate(kept, name), added])
            _show(name, secret)

    @commands.command("set")
    @click.argument("name")
    @_limit_options(removable=True)
    def change(name: str, **given: Any) -> None:
        """Change the limits and budgets of a key; those that are not named stay. `none` takes one
        away."""
        with _exit_on_error():
            settings = Settings.from_env()
            changes = _changes(given)
            if not changes:
                raise KeysError("say what to change; `keys set --help` lists what there is")

            def changed(key: ClientKey) -> ClientKey:
                return _checked(replace(key, **changes), settings, known(settings))

            keys = key_file.change(_path(), lambda kept: _with(kept, name, changed))
            click.echo(line(_named(keys, name), key_file.now()))

    @commands.command()
    @click.argument("name")
    @click.option(
        "--grace",
        type=Duration(),
        default="24h",
        show_default=True,
        help="How long the former key is accepted too; 0s: no longer.",
    )
    def rotate(name: str, grace: timedelta) -> None:
        """Make another key of the same name, limits and budgets, and print it, this once."""
        with _exit_on_error():
            secret, now = key_file.new_key(), key_file.now()
            new = key_file.digest(secret)
            key_file.change(
                _path(), lambda kept: _with(kept, name, lambda key: rotated(key, new, grace, now))
            )
            _show(name, secret)
            if grace:
                until = now + grace
                click.echo(f"The former one is good until {until:%Y-%m-%d %H:%M} UTC.", err=True)


def _limit_options(*, removable: bool) -> Callable[[_Command], _Command]:
    """The options that limit a key; if ``removable``, each takes ``none`` as well."""

    def or_none(type_: click.ParamType[Any]) -> click.ParamType[Any]:
        return OrNone(type_) if removable else type_

    count, amount = or_none(click.IntRange(1)), or_none(Credits())
    options = (
        click.option(
            "--model", "models", multiple=True, help="A model it may use; repeatable. Default: all."
        ),
        click.option("--requests-per-minute", type=count),
        click.option("--tokens-per-minute", type=count, help="In any sixty seconds."),
        click.option("--concurrent-streams", type=count, help="Answers at once."),
        click.option("--credits-per-day", type=amount, help="Days are those of UTC."),
        click.option("--credits-per-week", type=amount, help="From Monday."),
        click.option("--credits-per-month", type=amount, help="From the first."),
        click.option("--expires", type=or_none(Expiry()), help="When the key expires."),
    )

    def with_options(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return with_options


def _changes(given: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a key that options name."""
    named = {name: value for name, value in given.items() if value not in (None, ())}
    if models := named.get("models"):
        named["models"] = None if models == (NONE,) else models
    return {name: None if value is REMOVED else value for name, value in named.items()}


def rotated(key: ClientKey, new: str, grace: timedelta, now: datetime) -> ClientKey:
    """The key with the digest ``new``; what it was is accepted for the grace period."""
    kept = [*key.former, FormerKey(key.sha256, (now + grace).replace(microsecond=0))]
    former = tuple(one for one in kept if one.until > now)
    return replace(key, sha256=new, former=former)


def line(key: ClientKey, now: datetime) -> str:
    """A key as one line of text."""
    parts = [f"{key.name}:", ", ".join(key.models) if key.models else "all models"]
    if key.requests_per_minute:
        parts.append(f"| {key.requests_per_minute} requests per minute")
    if key.tokens_per_minute:
        parts.append(f"| {key.tokens_per_minute} tokens per minute")
    if key.concurrent_streams:
        parts.append(f"| {key.concurrent_streams} answers at once")
    for period in ("day", "week", "month"):
        if limit := getattr(key, f"credits_per_{period}"):
            parts.append(f"| {credits.text(credits.micro(limit))} credits a {period}")
    if key.expires:
        ends = "EXPIRED on" if key.is_expired(now) else "until"
        parts.append(f"| {ends} {key.expires.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    for former in key.former:
        if former.until > now:
            parts.append(
                f"| the former key until {former.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            )
    return " ".join(parts)


def _show(name: str, secret: str) -> None:
    click.echo(f"The key of {name}, which is not shown again:", err=True)
    click.echo(secret)


def _checked(key: ClientKey, settings: Settings, known: Catalogue) -> ClientKey:
    """The key itself, if it is valid. Raises KeysError."""
    default, aliases = settings.kiro_default_model or "", settings.kiro_models
    for name in key.models or ():
        if not is_meant(names.resolve(name, default, aliases, known)):
            raise KeysError(f"there is no model {name!r}; GET /v1/models lists the models")
    try:
        return msgspec.convert(msgspec.to_builtins(key), ClientKey)
    except msgspec.ValidationError:
        raise KeysError(
            f"{key.name!r} cannot be the name of a key: at most 64 of a-z, 0-9, '.', '_' and "
            "'-', the first a letter or a digit"
        ) from None


def _without_duplicate(kept: Sequence[ClientKey], name: str) -> Sequence[ClientKey]:
    if any(key.name == name for key in kept):
        raise KeysError(f"{name} already has a key; revoke it first, or choose another name")
    return kept


def _removed(kept: Sequence[ClientKey], name: str) -> list[ClientKey]:
    removed = _named(kept, name)
    return [key for key in kept if key is not removed]


def _with(
    kept: Sequence[ClientKey], name: str, change: Callable[[ClientKey], ClientKey]
) -> list[ClientKey]:
    changed = _named(kept, name)
    return [change(key) if key is changed else key for key in kept]


def _named(kept: Sequence[ClientKey], name: str) -> ClientKey:
    for key in kept:
        if key.name == name:
            return key
    raise KeysError(f"{name} has no key")


def _path() -> Path:
    path = Settings.from_env().kiro_client_keys_file
    if path is None:
        raise KeysError("set KIRO_CLIENT_KEYS_FILE to the path of the file of client keys")
    return path


@contextmanager
def _exit_on_error() -> Iterator[None]:
    try:
        yield
    except (KeysError, SettingsError) as error:
        sys.exit(str(error))
