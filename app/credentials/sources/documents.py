"""What a source holds: the logins in a document, and what is wrong with the rest of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from app.credentials.entries import BadEntry, Origin, decode_json, read_login
from app.credentials.model import AuthKind, Login

_SHORTEST_PLAUSIBLE = 100  # characters of a refresh token; real ones are several hundred long


@dataclass(slots=True)
class Found:
    """What a source holds: its logins, the problems of those entries that cannot be used, and
    doubts about those that can.
    """

    logins: list[Login] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


class Source(Protocol):
    """A place to look for logins. ``chosen``: the user set it, so it must not be passed over."""

    name: str
    chosen: bool

    def read(self) -> Found:
        """What is there now; an absent file holds nothing and is no problem."""

    def watched(self) -> Sequence[Path]:
        """The files whose change makes reading again worthwhile."""


def read_json(text: str, name: str) -> Found:
    """Logins in a JSON text, an object or an array."""
    return read_document(text, name, None)


def read_refresh_tokens(text: str, name: str) -> Found:
    """Social logins, each nothing but a refresh token."""
    tokens = [token for token in (part.strip() for part in text.split(",")) if token]
    return collect([{"refreshToken": token} for token in tokens], name, None)


def read_document(data: bytes | str, name: str, path: Path | None) -> Found:
    """Logins in a JSON document, an object or an array; ``path`` if it is a file to keep."""
    try:
        document = decode_json(data, name)
    except BadEntry as problem:
        return Found(problems=[str(problem)])
    return collect(document, name, path)


def collect(document: object, name: str, path: Path | None) -> Found:
    """The same of a document that was decoded already."""
    entries = document if isinstance(document, list) else [document]
    found = Found()
    for number, entry in enumerate(entries, 1):
        label = name if len(entries) == 1 else f"{name} entry {number}"
        disabled = isinstance(entry, dict) and entry.get("disabled")
        if disabled is True:
            continue
        if disabled:
            found.problems.append(f"{label}: disabled must be true or false")
            continue
        identity = f"{path.absolute()}#{number}" if path else ""
        note(found, partial(read_login, entry, Origin(label, path, identity)))
    return _without_doubles(found)


def note(found: Found, read: Callable[[], Login]) -> None:
    """Add the login that ``read`` gives, or the problem it raises."""
    try:
        login = read()
    except BadEntry as problem:
        found.problems.append(str(problem))
    else:
        found.logins.append(login)
        found.doubts += _doubts(login)


def _doubts(login: Login) -> Iterator[str]:
    refresh_token = login.grant.refresh_token
    if refresh_token and (len(refresh_token) < _SHORTEST_PLAUSIBLE or "..." in refresh_token):
        yield (
            f"the refreshToken of {login.source} has only {len(refresh_token)} characters or holds "
            "'...'; was it copied whole?"
        )
    if not refresh_token and login.kind is not AuthKind.API_KEY:
        yield f"{login.source} has no refreshToken: it is over when its accessToken ends"


def _without_doubles(found: Found) -> Found:
    """The same login twice is one account, whose refresh token must not be spent twice."""
    kept: dict[str, Login] = {}
    for login in found.logins:
        if login.secret in kept:
            found.problems.append(f"{login.source}: the same login as {kept[login.secret].source}")
        else:
            kept[login.secret] = login
    return replace(found, logins=list(kept.values()))
