"""Where a credential can come from, in order of precedence; the first place that has one wins.

``KIRO_AUTH_TOKEN`` (a JSON object, an array of them, or the path of a file with either), then
``AWS_REFRESHTOKEN`` or ``REFRESH_TOKEN``, ``BULK_REFRESH_TOKENS``, the ``IDC_`` variables, the
token file of the Kiro IDE, and the databases of kiro-cli and Amazon Q. A source is read again
whenever one of the files it watches changes. Reading never writes and never calls anybody.

An entry that is wrong is reported by name and takes no good one with it. A variable that the user
set and that holds no usable entry stops the start instead of silently giving way to another login.
"""

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.credentials.entries import BadEntry, decode_json
from app.errors import GatewayError, Kind
from app.program import command

from . import databases
from .documents import Found, Source, collect, read_document, read_json, read_refresh_tokens

if TYPE_CHECKING:
    from app.settings import Settings

_LOOKS = 4
_MOMENT = 0.05  # seconds; writing a small file takes less by far


@dataclass(frozen=True, slots=True)
class Text:
    """The value of a variable, or of the file that stands for it and may change."""

    name: str
    value: str | None
    file: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.value or self.file)

    def read(self) -> str:
        """Raises BadEntry for a file that cannot be read or holds nothing."""
        if self.file is None:
            return self.value or ""
        try:
            text = self.file.read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "not UTF-8 text"
            raise BadEntry(f"{self.name}_FILE ({self.file}) cannot be read: {why}") from None
        if not text:
            raise BadEntry(f"{self.name}_FILE ({self.file}) is empty")
        return text


class TextSource:
    """Logins in the text of a variable: JSON, or refresh tokens separated by commas."""

    chosen = True

    def __init__(self, text: Text, parse: Callable[[str, str], Found]) -> None:
        self.name = text.name
        self._text = text
        self._parse = parse

    def read(self) -> Found:
        try:
            return self._parse(self._text.read(), self.name)
        except BadEntry as problem:
            return Found(problems=[str(problem)])

    def watched(self) -> Sequence[Path]:
        return [self._text.file] if self._text.file else []


class IdcSource:
    """The login that the three ``IDC_`` variables describe."""

    name = "IDC_REFRESH_TOKEN"
    chosen = True

    def __init__(self, client_id: Text, client_secret: Text, refresh_token: Text) -> None:
        self._members = {
            "clientId": client_id,
            "clientSecret": client_secret,
            "refreshToken": refresh_token,
        }

    def read(self) -> Found:
        missing = [text.name for text in self._members.values() if not text]
        if missing:
            return Found(problems=[f"{' and '.join(missing)} must be set too for an IdC login"])
        try:
            entry = {member: text.read() for member, text in self._members.items()}
        except BadEntry as problem:
            return Found(problems=[str(problem)])
        return collect([entry | {"authMethod": "IdC"}], self.name, None)

    def watched(self) -> Sequence[Path]:
        return [text.file for text in self._members.values() if text.file]


class FileSource:
    """A JSON file with one login or several, which is kept up to date as its own record."""

    def __init__(self, name: str, path: Path, *, chosen: bool) -> None:
        self.name = name
        self.chosen = chosen
        self._path = path

    def read(self) -> Found:
        try:
            data = self._whole()
        except (OSError, ValueError) as error:
            return Found(problems=self._unreadable(error))
        return read_document(data, f"{self.name} ({self._path})", self._path)

    def watched(self) -> Sequence[Path]:
        return (self._path,)

    def _whole(self) -> bytes:
        """The content, given a moment if a program that writes in place is in the middle of it."""
        for _ in range(_LOOKS):
            data = self._path.read_bytes()
            with contextlib.suppress(BadEntry):
                decode_json(data, self.name)
                break
            time.sleep(_MOMENT)
        return data

    def _unreadable(self, error: Exception) -> list[str]:
        if self.chosen:  # the text may be a token that was mistaken for a path: do not repeat it
            why = getattr(error, "strerror", None) or "not a path"
            return [f"{self.name} is neither JSON nor the path of a file that can be read: {why}"]
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return []
        return [f"{self.name} ({self._path}) cannot be read: {error}"]


def from_settings(settings: "Settings") -> list[Source]:
    """The places to look at, in order."""

    def text(field: str) -> Text:
        name = field.upper()
        return Text(name, getattr(settings, field), settings.secret_files.get(name))

    places: list[Source] = []
    if auth_token := text("kiro_auth_token"):
        places.append(_auth_token_source(auth_token))
    for name in ("aws_refreshtoken", "refresh_token", "bulk_refresh_tokens"):
        if refresh_tokens := text(name):
            places.append(TextSource(refresh_tokens, read_refresh_tokens))
    idc = [text(name) for name in ("idc_client_id", "idc_client_secret", "idc_refresh_token")]
    if settings.auth_method == "idc" or (any(idc) and not settings.auth_method):
        places.append(IdcSource(*idc))
    places.append(token_file(settings))
    places += databases.known()
    return places


def token_file(settings: "Settings") -> Source:
    """The file of the Kiro IDE, and of the command ``login``."""
    return FileSource("the Kiro token file", settings.kiro_token_file, chosen=False)


def is_given(settings: "Settings") -> bool:
    """Whether anybody said anything about a credential, be it right or wrong."""
    return any(
        place.chosen or any(path.exists() for path in place.watched())
        for place in from_settings(settings)
    )


def _auth_token_source(text: Text) -> Source:
    if text.file or (text.value or "")[0] in "[{":
        return TextSource(text, read_json)
    return FileSource(text.name, Path(text.value or "").expanduser(), chosen=True)


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
            if not found.problems:
                total.problems.append(f"{source.name} holds no login that is enabled")
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
        f"  - a login on this machine: `{command()} login`, the Kiro IDE (its token file is "
        "~/.aws/sso/cache/kiro-auth-token.json; KIRO_TOKEN_FILE names another), or kiro-cli;\n"
        "  - KIRO_AUTH_TOKEN: the content of a token file, or its path;\n"
        "  - AWS_REFRESHTOKEN: the refresh token of a social login." + wrong,
    )
