"""The token file and the client registration beside it, in the format of the Kiro IDE."""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from app.common import files
from app.credentials.entries import BadEntry, decode_json
from app.credentials.model import Grant
from app.credentials.store.locks import exclusive
from app.credentials.times import format_time, parse_time

from .device import BUILDER_ID, SCOPES, Registration

_LOCK_TIMEOUT = 60.0
_SPARE = 86400.0  # seconds for which a registration must still be valid


def registration_path(token_file: Path, region: str, start_url: str) -> Path:
    """The path of this program's own registration for one service; other programs have theirs."""
    name = hashlib.sha1(f"kiro2api {region} {start_url}".encode(), usedforsecurity=False)
    return token_file.parent / f"{name.hexdigest()}.json"


def read_registration(path: Path, now: float) -> Registration | None:
    """The stored registration, None if there is none or it expires soon."""
    try:
        kept = decode_json(path.read_bytes(), str(path))
        expires_at = parse_time(kept["expiresAt"])
        if expires_at > now + _SPARE and kept["scopes"] == list(SCOPES):
            return Registration(str(kept["clientId"]), str(kept["clientSecret"]), expires_at)
    except (OSError, BadEntry, KeyError, TypeError, ValueError):
        pass
    return None


def write_registration(path: Path, registration: Registration) -> None:
    """Store the registration. Raises OSError."""
    members = {
        "clientId": registration.client_id,
        "clientSecret": registration.client_secret,
        "expiresAt": format_time(registration.expires_at),
        "scopes": list(SCOPES),
    }
    _write(path, members)


def write_login(
    path: Path, grant: Grant, registration: Path, *, region: str, start_url: str
) -> None:
    """Replace the token file by a new login of AWS. Raises OSError; TimeoutError if a refresh holds
    the file.
    """
    members = {
        "authMethod": "IdC",
        "provider": "BuilderId" if start_url == BUILDER_ID else "Enterprise",
        "region": region,
        "startUrl": start_url,
        "clientIdHash": registration.stem,
    }
    _replace(path, grant, members)


def write_social_login(path: Path, grant: Grant, provider: str) -> None:
    """Replace the token file by a new login with Google or GitHub. Raises as
    :func:`write_login`.
    """
    profile = {"profileArn": grant.profile_arn} if grant.profile_arn else {}
    _replace(path, grant, {"authMethod": "social", "provider": provider} | profile)


def remove_login(path: Path) -> bool:
    """Remove the token file; False if there was none. Raises OSError."""
    if not path.exists():
        return False
    with _locked(path):
        path.unlink(missing_ok=True)
    return True


def _replace(path: Path, grant: Grant, members: Mapping[str, object]) -> None:
    tokens = {
        "accessToken": grant.access_token,
        "refreshToken": grant.refresh_token,
        "expiresAt": format_time(grant.expires_at),
    }
    files.private_directory(path.parent)
    with _locked(path):
        _write(path, {**tokens, **members})


def _locked(path: Path) -> AbstractContextManager[None]:
    target = path.resolve()
    return exclusive(target.with_name(f"{target.name}.lock"), _LOCK_TIMEOUT)


def _write(path: Path, members: Mapping[str, object]) -> None:
    files.private_directory(path.parent)
    files.replace(path, msgspec.json.format(msgspec.json.encode(members), indent=2) + b"\n")
