"""The stored form of a grant: a record of its own, or members in the token file of its login."""

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from app.common import files
from app.common.errors import GatewayError, Kind
from app.credentials.entries import BadEntry, decode_json
from app.credentials.model import Grant, Login
from app.credentials.times import format_time, parse_time

from .interface import SourceChanged

_VERSION = 1
_ATTEMPTS = 5


def encode(grant: Grant) -> bytes:
    """The record of a grant."""
    own = {
        "version": _VERSION,
        "refreshedAt": grant.refreshed_at,
        "generation": grant.generation,
        "ancestors": grant.ancestors,
    }
    return _pretty(_members(grant) | own)


def decode(content: bytes, name: str) -> Grant:
    """The grant of a record; ``name`` is used in errors.

    Raises BadEntry for a damaged record, and GatewayError for a record that a later version wrote:
    that record holds the only valid refresh token, so the one in the source must not be tried.
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
            ancestors=tuple(str(name) for name in record.get("ancestors", ())),
        )
    except (KeyError, TypeError, ValueError):
        raise BadEntry(f"{name} is damaged") from None


def encode_past(grant: Grant) -> bytes:
    """What the format of a token file leaves out of a grant; contains no secret."""
    past = {
        "version": _VERSION,
        "refreshedAt": grant.refreshed_at,
        "generation": grant.generation,
        "ancestors": grant.ancestors,
    }
    return _pretty(past)


def add_past(grant: Grant, content: bytes) -> Grant:
    """The grant of a token file with what :func:`encode_past` stored beside it."""
    try:
        past = decode_json(content, "")
        return replace(
            grant,
            refreshed_at=float(past["refreshedAt"]),
            generation=int(past["generation"]),
            ancestors=tuple(str(name) for name in past["ancestors"]),
        )
    except (BadEntry, KeyError, TypeError, ValueError):
        return grant


def is_record(content: bytes) -> bool:
    """Whether this is a whole record."""
    try:
        decode(content, "")
    except (BadEntry, GatewayError):
        return False
    return True


def is_document(content: bytes) -> bool:
    """Whether this is a whole token file."""
    try:
        decode_json(content, "")
    except BadEntry:
        return False
    return True


def write_back(path: Path, login: Login, grant: Grant) -> None:
    """Write the grant into the token file of its login; everything else in the file is kept.

    Raises SourceChanged if the file no longer holds the login that was refreshed, and OSError if
    it cannot be written.
    """
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(files.Changed):
            return _write_back(path, login, grant)
    raise OSError(errno.EBUSY, "another program keeps writing it")


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
    if not os.access(path, os.W_OK):  # a rename would work, but the owner made it read-only
        raise PermissionError(errno.EACCES, "it is read-only")
    entry |= _members(grant)
    files.replace(path, _pretty(document), expected=before)


def _entries_with(document: object, refresh_token: str) -> Iterator[dict[str, Any]]:
    for entry in document if isinstance(document, list) else [document]:
        if isinstance(entry, dict) and str(entry.get("refreshToken")).strip() == refresh_token:
            yield entry


def _members(grant: Grant) -> dict[str, Any]:
    """A grant with the member names of the Kiro IDE."""
    members = {
        "accessToken": grant.access_token,
        "refreshToken": grant.refresh_token,
        "expiresAt": format_time(grant.expires_at),
    }
    return members | ({"profileArn": grant.profile_arn} if grant.profile_arn else {})


def _pretty(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
