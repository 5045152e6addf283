"""The commands ``keys add``, ``keys list`` and ``keys revoke``."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec

from app.models import names
from app.models.catalogue import STATIC, Catalogue
from app.settings import Settings, SettingsError

from . import key_file
from .key_file import ClientKey, KeysError
from .limits import is_meant

_DAYS = re.compile(r"(\d{1,5})d")


class Expiry(click.ParamType[datetime]):
    """When a key expires: a date (its beginning in UTC), or a number of days from now."""

    name = "DATE|DAYSd"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """``2027-01-31`` or ``90d`` as a moment."""
        now = key_file.now()
        if found := _DAYS.fullmatch(value):
            return (now + timedelta(days=int(found[1]))).replace(microsecond=0)
        try:
            moment = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            self.fail(
                f"{value!r} is neither a date such as 2027-01-31 nor a number of days such as 90d"
            )
        if moment <= now:
            self.fail(f"{value} is in the past")
        return moment


Known = Callable[[Settings], Catalogue]


def _table(_: Settings) -> Catalogue:
    return STATIC


def add_to(group: click.Group, known: Known = _table) -> None:
    """Add the commands. ``known`` gives the models that a key may be limited to."""

    @group.group("keys")
    def commands() -> None:
        """Client keys besides KIRO_CLIENT_TOKEN; a running gateway picks up changes by itself."""

    @commands.command()
    @click.argument("name")
    @click.option(
        "--model", "models", multiple=True, help="A model it may use; repeatable. Default: all."
    )
    @click.option("--requests-per-minute", type=click.IntRange(1))
    @click.option("--concurrent-streams", type=click.IntRange(1), help="Answers at once.")
    @click.option("--expires", type=Expiry(), help="When the key expires.")
    def add(
        name: str,
        models: tuple[str, ...],
        requests_per_minute: int | None,
        concurrent_streams: int | None,
        expires: datetime | None,
    ) -> None:
        """Make a key and print it, this once: only its hash is kept."""
        limits = (models or None, requests_per_minute, concurrent_streams, expires)
        with _exit_on_error():
            secret = key_file.new_key()
            settings = Settings.from_env()
            key = ClientKey(name, key_file.digest(secret), *limits)
            added = _checked(key, settings, known(settings))
            key_file.change(_path(), lambda kept: [*_without_duplicate(kept, name), added])
            click.echo(f"The key of {name}, which is not shown again:", err=True)
            click.echo(secret)

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


def line(key: ClientKey, now: datetime) -> str:
    """A key as one line of text."""
    parts = [f"{key.name}:", ", ".join(key.models) if key.models else "all models"]
    if key.requests_per_minute:
        parts.append(f"| {key.requests_per_minute} requests per minute")
    if key.concurrent_streams:
        parts.append(f"| {key.concurrent_streams} answers at once")
    if key.expires:
        ends = "EXPIRED on" if key.is_expired(now) else "until"
        parts.append(f"| {ends} {key.expires.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    return " ".join(parts)


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
    rest = [key for key in kept if key.name != name]
    if len(rest) == len(kept):
        raise KeysError(f"{name} has no key")
    return rest


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
