"""The lines that set a client up, for a terminal and for a page."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from .clients import Client
from .edits import CannotEdit
from .setup import Setup


def lines(client: Client, setup: Setup, home: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """The lines to paste, with a key only if everybody knows it."""
    exports, visible = client.exports(setup), setup.to_show()
    for name, value in exports.items():
        yield f'export {name}="{value.format(key=setup.key.shell)}"'
    shows_file = client.edit and (not client.holds_key or not exports)
    if client.edit and shows_file:
        yield f"# in {_tilde(file_of(client, home, environ), home)}:"
        yield client.edit("", visible).rstrip()
    yield from client.steps(visible)
    if start := client.start(setup):
        yield f"# then run: {start}" if shows_file else start
    if said := note(client, setup):
        yield f"# {said}"


def shown(client: Client, setup: Setup, home: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """The same for a terminal, where a file can be written as well."""
    yield from lines(client, setup, home, environ)
    if client.edit:
        yield f"# --write puts it into {_tilde(file_of(client, home, environ), home)}"


def file_of(client: Client, home: Path, environ: Mapping[str, str]) -> Path:
    """The client's file. Raises CannotEdit if it has none."""
    if client.file is None:
        raise CannotEdit(f"{client.title} has no file to write: do what is printed without --write")
    return client.file(home, environ)


def note(client: Client, setup: Setup) -> str:
    """What to put in the place of the key, "" if nothing."""
    return setup.key.note if client.exports(setup) else setup.key.in_words


def _tilde(path: Path, home: Path) -> str:
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
