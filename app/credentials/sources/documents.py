"""Parses the logins in a document and reports what is wrong with the rest of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from app.aws.api_keys import AN_API_KEY, is_api_key
from app.credentials.entries import BadEntry, Origin, decode_json, read_login
from app.credentials.model import AuthKind, Login

from .source import ReadResult

_SHORTEST_PLAUSIBLE = 100  # characters of a refresh token; real ones have several hundred


def read_json(text: str, name: str) -> ReadResult:
    """The logins in a JSON text, an object or an array."""
    return read_document(text, name, None)


def read_refresh_tokens(text: str, name: str) -> ReadResult:
    """Social logins, given as refresh tokens separated by commas."""
    tokens = [token for token in (part.strip() for part in text.split(",")) if token]
    return collect([{"refreshToken": token} for token in tokens], name, None)


def read_api_key(text: str, name: str) -> ReadResult:
    """The login of one API key. The settings check its form at the start; a file may change."""
    if not is_api_key(text):
        return ReadResult(problems=[f"{name} does not hold {AN_API_KEY}"])
    return collect([{"authMethod": "api_key", "apiKey": text}], name, None)


def read_document(data: bytes | str, name: str, path: Path | None) -> ReadResult:
    """The logins in a JSON document, an object or an array; ``path`` if it is a file to update."""
    try:
        document = decode_json(data, name)
    except BadEntry as problem:
        return ReadResult(problems=[str(problem)])
    return collect(document, name, path)


def collect(document: object, name: str, path: Path | None) -> ReadResult:
    """The logins in a document that is already decoded."""
    entries = document if isinstance(document, list) else [document]
    result = ReadResult()
    for number, entry in enumerate(entries, 1):
        label = name if len(entries) == 1 else f"{name} entry {number}"
        disabled = isinstance(entry, dict) and entry.get("disabled")
        if disabled is True:
            continue
        if disabled:
            result.problems.append(f"{label}: disabled must be true or false")
            continue
        identity = f"{path.absolute()}#{number}" if path else ""
        add_login(result, partial(read_login, entry, Origin(label, path, identity)))
    return without_duplicates(result)


def add_login(result: ReadResult, read: Callable[[], Login]) -> None:
    """Add the login that ``read`` returns, or the problem that it raises."""
    try:
        login = read()
    except BadEntry as problem:
        result.problems.append(str(problem))
    else:
        result.logins.append(login)
        result.warnings += _warnings(login)


def _warnings(login: Login) -> Iterator[str]:
    refresh_token = login.grant.refresh_token
    if refresh_token and (len(refresh_token) < _SHORTEST_PLAUSIBLE or "..." in refresh_token):
        yield (
            f"the refreshToken of {login.source} has only {len(refresh_token)} characters or "
            "contains '...'; was it copied completely?"
        )
    if not refresh_token and login.kind is not AuthKind.API_KEY:
        yield f"{login.source} has no refreshToken: the login ends when its accessToken expires"


def without_duplicates(result: ReadResult) -> ReadResult:
    """A login that appears twice is one account: its refresh token must not be used twice."""
    kept: dict[str, Login] = {}
    for login in result.logins:
        if login.secret in kept:
            result.problems.append(f"{login.source}: same login as {kept[login.secret].source}")
        else:
            kept[login.secret] = login
    return replace(result, logins=list(kept.values()))
