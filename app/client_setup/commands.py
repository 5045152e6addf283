"""The command ``client``."""

import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import click

from app.models import names
from app.models.catalogue import STATIC, Catalogue
from app.settings import Settings, SettingsError

from . import writing
from .clients import CLIENTS, Client
from .edits import CannotEdit
from .gateway import Key, key_of, local_url
from .setup import Setup
from .showing import file_of, note, shown

Listed = Callable[[Settings, float], Catalogue | None]


def add_to(group: click.Group, listed: Listed, environ: Mapping[str, str]) -> None:
    """Add the command. ``listed`` gives the models that the accounts are known to have, None if no
    list was read.
    """

    @group.command()
    @click.argument("name", metavar="|".join(CLIENTS), type=click.Choice(list(CLIENTS)))
    @click.option("--url", help="The gateway's address for the client. Default: this machine's.")
    @click.option("--model", help="The model to choose. Default: that of the accounts.")
    @click.option("--key-file", type=click.Path(path_type=Path), help="File with the client's key.")
    @click.option("--write", is_flag=True, help="Change the client's own file, after a backup.")
    @click.option("--restore", is_flag=True, help="Put the client's file back as it was.")
    def client(
        name: str, url: str | None, model: str | None, key_file: Path | None, write: bool,
        restore: bool,
    ) -> None:  # fmt: skip
        """Print the lines that set a client up for this gateway; --write puts them in place."""
        row, home = CLIENTS[name], Path.home()
        if write and restore:
            raise click.UsageError("--write and --restore exclude each other.")
        try:
            if restore:
                click.echo(writing.restore(file_of(row, home, environ)))
                return
            settings = Settings.from_env(environ)
            setup = make(settings, listed(settings, time.time()), url, model, key_file)
            lines = written if write else shown
            for line in lines(row, setup, home, environ):
                click.echo(line)
        except (CannotEdit, SettingsError) as error:
            sys.exit(str(error))
        except OSError as error:
            sys.exit(f"{error.filename or 'the file'}: {error.strerror or error}")


def make(
    settings: Settings,
    listed: Catalogue | None,
    url: str | None = None,
    model: str | None = None,
    key_file: Path | None = None,
) -> Setup:
    """What is filled in. Raises CannotEdit for a model that nobody knows, and OSError."""
    catalogue = listed or STATIC
    default = settings.kiro_default_model or ""
    found = names.resolve(model or "", default, settings.kiro_models, catalogue)
    if model and not found.matched:
        known = ", ".join(catalogue.suggestions(model)) or "`kiro2api models` lists all"
        raise CannotEdit(f"--model: there is no model {model!r} ({known})")
    key = Key(f"$(cat {shlex.quote(str(key_file.absolute()))})") if key_file else key_of(settings)
    secret = key_file.read_text(encoding="utf-8").strip() if key_file else settings.owner_key
    base = (url or local_url(settings)).rstrip("/").removesuffix("/v1").rstrip("/")
    models = tuple(one for one in catalogue.models if one.lifecycle == "active")
    return Setup(base, key, secret or "", found.model, models)


def written(client: Client, setup: Setup, home: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Write the client's file; returns what was done, and what is left to do."""
    path = file_of(client, home, environ)
    if client.holds_key and not setup.secret:
        raise CannotEdit(f"no key is known here ({setup.key.note}): name its file with --key-file")
    assert client.edit
    try:
        is_secret = client.holds_key and not setup.key.is_public
        yield writing.write(path, partial(_edited, client, setup), private=is_secret)
    except CannotEdit as error:
        raise CannotEdit(f"{path} was left as it is: {error}; add the lines by hand") from None
    if not client.holds_key:
        for name, value in client.exports(setup).items():
            yield f'In your shell: export {name}="{value.format(key=setup.key.shell)}"'
        if said := note(client, setup):
            yield f"({said})"


def _edited(client: Client, setup: Setup, text: str) -> str:
    assert client.edit
    return client.edit(text, setup)
