"""The logins of kiro-cli and the Amazon Q CLI, in their SQLite databases.

Tables ``auth_kv(key, value)`` and ``state(key, value)``; keys and the snake_case members of their
JSON values follow the source of the Amazon Q CLI. The database is only read: the CLI keeps using
its own refresh token, and the gateway stores what it gets for that token in its own store.
"""

import platform
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from app.credentials.entries import BadEntry, Origin, decode_json, read_login
from app.credentials.model import Login

from .documents import add_login
from .source import ReadResult

_TOKENS = {
    "kirocli:social:token": "social",
    "kirocli:odic:token": "IdC",
    "kirocli:oidc:token": "IdC",
    "kirocli:external-idp:token": "external_idp",
    "codewhisperer:odic:token": "IdC",
}
_REGISTRATIONS = ("kirocli:odic:device-registration", "codewhisperer:odic:device-registration")
_PROFILE = "api.codewhisperer.profile"
_MEMBERS = {
    "access_token": "accessToken",
    "refresh_token": "refreshToken",
    "expires_at": "expiresAt",
    "profile_arn": "profileArn",
    "token_endpoint": "tokenEndpoint",
    "client_id": "clientId",
    "client_secret": "clientSecret",
    "region": "region",
    "scopes": "scopes",
}


class DatabaseSource:
    """The logins in one database."""

    is_explicit = False

    def __init__(self, product: str, path: Path) -> None:
        self.name = f"the database of {product} ({path})"
        self._path = path

    def read(self) -> ReadResult:
        if not self._path.is_file():
            return ReadResult()
        from . import tables  # SQLite is loaded only if there is a database

        try:
            rows, profile = tables.read(self._path, _PROFILE)
        except tables.Unreadable as error:
            return ReadResult(problems=[f"{self.name} cannot be read: {error}"])
        result = ReadResult()
        for key, kind in _TOKENS.items():
            if rows.get(key):
                add_login(result, partial(self._login, rows, key, kind, profile))
        return result

    def watched(self) -> Sequence[Path]:
        return (self._path, self._path.with_name(f"{self._path.name}-wal"))

    def _login(self, rows: Mapping[str, str], key: str, kind: str, profile: str) -> Login:
        origin = Origin(f"{self.name}, {key}", None, f"{self._path}#{key}")
        return read_login(_entry(rows, key, kind, profile), origin)


def known() -> list[DatabaseSource]:
    """The databases at their usual paths on this system."""
    return [
        DatabaseSource(product, _data_directory(product) / "data.sqlite3")
        for product in ("kiro-cli", "amazon-q")
    ]


def _data_directory(product: str) -> Path:
    home = Path.home()
    if platform.system() == "Darwin":
        return home / "Library" / "Application Support" / product
    if platform.system() == "Windows":
        return home / "AppData" / "Local" / product
    return home / ".local" / "share" / product


def _entry(rows: Mapping[str, str], key: str, kind: str, profile: str) -> dict[str, Any]:
    """A login with the member names of a token file. Raises BadEntry."""
    entry: dict[str, Any] = {"authMethod": kind}
    if kind == "IdC":
        for name in _REGISTRATIONS:
            if name.partition(":")[0] == key.partition(":")[0]:
                entry |= _members(rows.get(name), name)
    if profile:
        arn = decode_json(profile, _PROFILE)
        entry["profileArn"] = arn.get("arn") if isinstance(arn, dict) else None
    return entry | _members(rows[key], key)


def _members(value: str | None, name: str) -> dict[str, Any]:
    if not value:
        return {}
    decoded = decode_json(value, name)
    if not isinstance(decoded, dict):
        raise BadEntry(f"{name} is not a JSON object")
    return {
        ours: decoded[theirs]
        for theirs, ours in _MEMBERS.items()
        if decoded.get(theirs) is not None
    }
