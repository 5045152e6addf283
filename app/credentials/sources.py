"""Where a credential can come from, in order of precedence; the first place that has one wins.

``KIRO_AUTH_TOKEN`` (a JSON object, an array of them, or the path of a file with either), then
``AWS_REFRESHTOKEN``, then the token file of the Kiro IDE. A source is read again whenever one of
the files it watches changes. Reading never writes and never calls anybody.

An entry that is wrong is reported by name and takes no good one with it. A variable that the user
set and that holds no usable entry stops the start instead of silently giving way to another login.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from app.errors import GatewayError, Kind

from .entries import BadEntry, Origin, decode_json, read_login
from .model import AuthKind, Login

if TYPE_CHECKING:
    from app.settings import Settings

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


class TextSource:
    """Logins in the text of a variable: JSON, or refresh tokens separated by commas."""

    chosen = True

    def __init__(self, name: str, text: str, parse: Callable[[str, str], Found]) -> None:
        self.name = name
        self._text = text
        self._parse = parse

    def read(self) -> Found:
        return self._parse(self._text, self.name)

    def watched(self) -> Sequence[Path]:
        return ()


class FileSource:
    """A JSON file with one login or several, which is kept up to date as its own record."""

    def __init__(self, name: str, path: Path, *, chosen: bool) -> None:
        self.name = name
        self.chosen = chosen
        self._path = path

    def read(self) -> Found:
        try:
            data = self._path.read_bytes()
        except (OSError, ValueError) as error:
            return Found(problems=self._unreadable(error))
        return _parse(data, f"{self.name} ({self._path})", self._path)

    def watched(self) -> Sequence[Path]:
        return (self._path,)

    def _unreadable(self, error: Exception) -> list[str]:
        if self.chosen:  # the text may be a token that was mistaken for a path: do not repeat it
            why = getattr(error, "strerror", None) or "not a path"
            return [f"{self.name} is neither JSON nor the path of a file that can be read: {why}"]
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return []
        return [f"{self.name} ({self._path}) cannot be read: {error}"]


def read_json(text: str, name: str) -> Found:
    """Logins in a JSON text, an object or an array."""
    return _parse(text, name, None)


def read_refresh_tokens(text: str, name: str) -> Found:
    """Social logins, each nothing but a refresh token."""
    tokens = [token for token in (part.strip() for part in text.split(",")) if token]
    return _collect([{"refreshToken": token} for token in tokens], name, None)


def from_settings(settings: "Settings") -> list[Source]:
    """The places to look at, in order."""
    places: list[Source] = []
    if text := settings.kiro_auth_token:
        if text[0] in "[{":
            places.append(TextSource("KIRO_AUTH_TOKEN", text, read_json))
        else:
            path = Path(text).expanduser()
            places.append(FileSource("KIRO_AUTH_TOKEN", path, chosen=True))
    if text := settings.aws_refreshtoken:
        places.append(TextSource("AWS_REFRESHTOKEN", text, read_refresh_tokens))
    places.append(FileSource("the Kiro token file", settings.kiro_token_file, chosen=False))
    return places


@dataclass(frozen=True, slots=True)
class Choice:
    """The source that won, None if none has a login, and what was found up to it."""

    source: Source | None
    found: Found


def choose(sources: Iterable[Source]) -> Choice:
    """The first source with a usable login. None if there is none, or if one that the user set
    holds none.
    """
    total = Found()
    for source in sources:
        found = source.read()
        total.problems += found.problems
        if found.logins:
            total.doubts += found.doubts
            total.logins += found.logins
            return Choice(source, total)
        if source.chosen:
            break
    return Choice(None, total)


def no_credential(problems: Sequence[str]) -> GatewayError:
    """The error of having no usable login: what was wrong with those there are, and every way to
    give one.
    """
    wrong = "".join(f"\n  wrong: {problem}" for problem in problems)
    return GatewayError(
        Kind.NO_CREDENTIAL,
        "There is no usable credential for the upstream. Give one of:\n"
        "  - log in with the Kiro IDE on this machine, which writes "
        "~/.aws/sso/cache/kiro-auth-token.json (KIRO_TOKEN_FILE names another place);\n"
        "  - KIRO_AUTH_TOKEN: the content of such a file, or its path;\n"
        "  - AWS_REFRESHTOKEN: the refresh token of a social login." + wrong,
    )


def _parse(data: bytes | str, name: str, path: Path | None) -> Found:
    try:
        document = decode_json(data, name)
    except BadEntry as problem:
        return Found(problems=[str(problem)])
    return _collect(document, name, path)


def _collect(document: object, name: str, path: Path | None) -> Found:
    entries = document if isinstance(document, list) else [document]
    found = Found()
    for number, entry in enumerate(entries, 1):
        if isinstance(entry, dict) and entry.get("disabled") is True:
            continue
        label = name if len(entries) == 1 else f"{name} entry {number}"
        identity = f"{path.absolute()}#{number}" if path else ""
        try:
            login = read_login(entry, Origin(label, path, identity))
        except BadEntry as problem:
            found.problems.append(str(problem))
        else:
            found.logins.append(login)
            found.doubts += _doubts(login)
    return _without_doubles(found)


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
