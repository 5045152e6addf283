"""How a client reaches this gateway: its URL, and the key, which is shown only if it is public."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from app.common.program import command
from app.settings import DEFAULT_CLIENT_TOKEN, Settings
from app.settings.process import EVERYWHERE

_OWNER = "KIRO_CLIENT_TOKEN"
PLACEHOLDER = "YOUR_KEY"
_FILE_LINE = re.compile(r"(\S+) line (\d+)")


class Key(NamedTuple):
    """``shell``: what gives the key between double quotes in a shell, where it is no secret or in
    a file of this machine; else a placeholder. ``note`` says what the reader puts in its place, ""
    for nothing.
    """

    shell: str
    note: str = ""

    @property
    def is_known(self) -> bool:
        """Whether a line with it works as it is."""
        return self.shell != PLACEHOLDER

    @property
    def is_public(self) -> bool:
        """Whether the key itself is shown: the default one is known to everybody."""
        return self.shell == DEFAULT_CLIENT_TOKEN

    @property
    def in_words(self) -> str:
        """What to put in the place of the placeholder, "" if there is none."""
        if self.is_known and not self.is_public:
            return f"{PLACEHOLDER} is what this prints: {self.shell[2:-1]}"
        return self.note


def local_url(settings: Settings) -> str:
    """The base URL by which this machine reaches the server."""
    every_address = {f"{host}:{settings.port}" for host in (EVERYWHERE, "[::]")}
    local = f"localhost:{settings.port}"
    return f"http://{local if settings.bind in every_address else settings.bind}"


def key_of(settings: Settings) -> Key:
    """The owner's key. Never the secret itself."""
    owner = settings.owner_key
    if owner is None:
        note = f"is a key that `{command()} keys add NAME` prints"
        return Key(PLACEHOLDER, f"{PLACEHOLDER} {note}")
    if owner == DEFAULT_CLIENT_TOKEN:
        return Key(owner)
    if path := settings.secret_files.get(_OWNER):
        return Key(f"$(cat {shlex.quote(str(path.absolute()))})")
    where = settings.origins.get(_OWNER, "the environment")
    if reading := _reading(where, owner):
        return Key(reading)
    return Key(PLACEHOLDER, f"{PLACEHOLDER} is the value of {_OWNER} in {where}")


def _reading(where: str, owner: str) -> str:
    """The command that prints the key from a ``.env`` file, "" if no simple one does: the line must
    hold the value as it is, without quotes.
    """
    found = _FILE_LINE.fullmatch(where)
    if not found:
        return ""
    path = Path(found[1]).absolute()
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    named = [line for line in lines if line.startswith(f"{_OWNER}=")]
    if named != [f"{_OWNER}={owner}"] or not re.fullmatch(r"[\w.+/=-]+", owner):
        return ""
    return f"$(sed -n s/^{_OWNER}=//p {shlex.quote(str(path))})"
