"""How a grant is written: as a record of our own, and into the file its login came from."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from app import files
from app.credentials.entries import BadEntry, decode_json
from app.credentials.model import Grant, Login
from app.credentials.times import format_time, parse_time
from app.errors import GatewayError, Kind

_VERSION = 1
_ATTEMPTS = 5


class SourceChanged(Exception):
    """The file of a login holds another login than the one that was refreshed, or none."""


def encode(grant: Grant) -> bytes:
    """The record of a grant."""
    own = {
        "version": _VERSION,
        "refreshedAt": grant.refreshed_at,
        "generation": grant.generation,
    }
    return _pretty(_members(grant) | own)


def decode(content: bytes, name: str) -> Grant:
    """The grant of a record; ``name`` is for the errors.

    Raises BadEntry for a damaged record, GatewayError for one that a later version wrote: it holds
    the only valid refresh token, so the one of the source must not be tried.
    """
    record = decode_json(content, name)
    try:
        if record["version"] > _VERSION:
            raise GatewayError(
                Kind.NO_CREDENTIAL,
                f"{name} was written by a later version of this program. Run that version, or "
                "delete it and log in again.",
            )
        return Grant(
            access_token=str(record["accessToken"]),
            refresh_token=str(record["refreshToken"]),
            expires_at=parse_time(record["expiresAt"]),
            profile_arn=record.get("profileArn"),
            refreshed_at=float(record["refreshedAt"]),
            generation=int(record["generation"]),
        )
    except (KeyError, TypeError, ValueError):
        raise BadEntry(f"{name} is damaged") from None


def write_back(path: Path, login: Login, grant: Grant) -> None:
    """Put the grant into the file of its login, and leave everything else in it as it is.

    Raises SourceChanged, and OSError if the file cannot be written.
    """
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(files.Changed):
            return _write_back(path, login, grant)
    raise OSError(errno.EBUSY, "another program writes it all the time")


def _write_back(path: Path, login: Login, grant: Grant) -> None:
    try:
        before = path.read_bytes()
        document = decode_json(before, str(path))
    except FileNotFoundError:
        raise SourceChanged from None
    except BadEntry as problem:
        raise OSError(errno.EBADMSG, str(problem)) from None
    entry = next(_entries_with(document, login.grant.refresh_token), None)
    if entry is None:
        raise SourceChanged
    if not os.access(path, os.W_OK):  # renaming needs only the directory, but read-only means it
        raise PermissionError(errno.EACCES, "it is read-only")
    entry |= _members(grant)
    files.replace(path, _pretty(document), expected=before)


def _entries_with(document: object, refresh_token: str) -> Iterator[dict[str, Any]]:
    for entry in document if isinstance(document, list) else [document]:
        if isinstance(entry, dict) and str(entry.get("refreshToken")).strip() == refresh_token:
            yield entry


def _members(grant: Grant) -> dict[str, Any]:
    """A grant in the words of the Kiro IDE."""
    members = {
        "accessToken": grant.access_token,
        "refreshToken": grant.refresh_token,
        "expiresAt": format_time(grant.expires_at),
    }
    return members | ({"profileArn": grant.profile_arn} if grant.profile_arn else {})


def _pretty(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
