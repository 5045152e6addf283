"""An entry: the JSON object that describes a login in token files and settings.

The members are the union of what the Kiro IDE, kiro-cli and earlier gateways write:
``auth`` or ``authMethod`` (``social`` if absent), ``refreshToken``, ``accessToken``, ``expiresAt``,
``profileArn``, ``region``, ``clientId``, ``clientSecret``, ``clientIdHash`` (names the registration
file beside the token file), ``tokenEndpoint``, ``scopes``, ``apiKey``, ``disabled``,
``description``. Other members are ignored, and preserved if the entry is in a file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.aws.regions import A_REGION, is_region

from .model import AuthKind, Grant, Login, fingerprint, is_usable_profile
from .times import parse_time

_KINDS = {
    "social": AuthKind.SOCIAL,
    "idc": AuthKind.IDC,
    "builderid": AuthKind.IDC,
    "externalidp": AuthKind.EXTERNAL_IDP,
    "apikey": AuthKind.API_KEY,
}
_SECRET = re.compile(r"[!-~]+")  # what a header can carry; others mean a damaged copy


class BadEntry(Exception):
    """What is wrong with an entry. The message names its source and member and is not secret."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an entry comes from. ``name`` is for humans; ``path`` is set for a file to update."""

    name: str
    path: Path | None = None
    identity: str = ""
    """The location of the entry, if other programs update it and may change its secrets."""


def decode_json(data: bytes | str, name: str) -> Any:
    """The JSON value. Raises BadEntry, which does not contain the text, unlike json's own error."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogateescape")
    try:
        return msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        kind = "is empty" if not data.strip() else "is not complete JSON"
        raise BadEntry(f"{name} {kind}") from None


def read_login(entry: object, origin: Origin) -> Login:
    """The login that an entry describes. Raises BadEntry."""
    if not isinstance(entry, Mapping):
        raise BadEntry(f"{origin.name}: a login must be a JSON object")
    reader = _Members(entry, origin.name)
    kind = _kind(reader)
    grant = _grant(reader, kind)
    registration = _registration(reader, origin) if kind is AuthKind.IDC else {}
    login = Login(
        account=fingerprint(origin.identity or grant.refresh_token or grant.access_token)[:8],
        source=origin.name,
        kind=kind,
        grant=grant,
        path=origin.path,
        is_shared=bool(origin.identity),
        region=reader.region("region"),
        client_id=reader.text("clientId") or registration.get("clientId", ""),
        client_secret=reader.text("clientSecret") or registration.get("clientSecret", ""),
        token_endpoint=reader.text("tokenEndpoint"),
        scopes=reader.words("scopes"),
        description=reader.text("description"),
    )
    _check_refreshable(login)
    return login


def _kind(reader: "_Members") -> AuthKind:
    text = reader.text("auth") or reader.text("authMethod")
    if not text:
        is_key = reader.text("apiKey") or reader.text("kiroApiKey")
        return AuthKind.API_KEY if is_key else AuthKind.SOCIAL
    kind = _KINDS.get(re.sub("[-_ ]", "", text.lower()))
    if kind is None:
        raise BadEntry(f"{reader.name}: authMethod must be social, IdC, external_idp or api_key")
    return kind


def _grant(reader: "_Members", kind: AuthKind) -> Grant:
    if kind is AuthKind.API_KEY:
        key = reader.secret("apiKey") or reader.secret("kiroApiKey")
        if not key:
            raise BadEntry(f"{reader.name}: apiKey is missing")
        return Grant(access_token=key, profile_arn=reader.profile("profileArn"))
    grant = Grant(
        access_token=reader.secret("accessToken"),
        refresh_token=reader.secret("refreshToken"),
        expires_at=reader.time("expiresAt"),
        profile_arn=reader.profile("profileArn"),
    )
    if not (grant.refresh_token or grant.access_token):
        raise BadEntry(f"{reader.name}: refreshToken is missing")
    return grant


def _registration(reader: "_Members", origin: Origin) -> dict[str, str]:
    """The device registration that ``clientIdHash`` names, {} if there is none."""
    name = reader.text("clientIdHash")
    if not name or origin.path is None or reader.text("clientId"):
        return {}
    if not re.fullmatch(r"[0-9A-Za-z_-]+", name):
        raise BadEntry(f"{origin.name}: clientIdHash is not a plain file name")
    path = origin.path.parent / f"{name}.json"
    try:
        found = decode_json(path.read_bytes(), str(path))
    except OSError as error:
        why = error.strerror
        raise BadEntry(f"{origin.name}: {path}, named by clientIdHash: {why}") from None
    if not isinstance(found, dict):
        raise BadEntry(f"{path}: a registration must be a JSON object")
    members = _Members(found, str(path))
    return {name: members.secret(name) for name in ("clientId", "clientSecret")}


def _check_refreshable(login: Login) -> None:
    """Report a login that can never be refreshed at once, not when its token expires."""
    if not login.grant.refresh_token:
        return
    needs = {
        AuthKind.IDC: ("clientId", "clientSecret"),
        AuthKind.EXTERNAL_IDP: ("clientId", "tokenEndpoint"),
    }.get(login.kind, ())
    has = {
        "clientId": login.client_id,
        "clientSecret": login.client_secret,
        "tokenEndpoint": login.token_endpoint,
    }
    for member in needs:
        if not has[member]:
            raise BadEntry(f"{login.source}: {member} is missing")


class _Members:
    """Typed access to the members of an object. Null and "" count as absent."""

    def __init__(self, entry: Mapping[str, Any], name: str) -> None:
        self._entry = entry
        self.name = name

    def text(self, member: str) -> str:
        value = self._entry.get(member)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise BadEntry(f"{self.name}: {member} must be a string")
        return value.strip()

    def secret(self, member: str) -> str:
        value = self.text(member)
        if value and not _SECRET.fullmatch(value):
            raise BadEntry(
                f"{self.name}: {member} contains a space, a line break or a character outside "
                "ASCII; it was damaged when it was copied"
            )
        return value

    def region(self, member: str) -> str | None:
        """A region name. It becomes part of the host name that secrets are sent to."""
        value = self.text(member)
        if value and not is_region(value):
            raise BadEntry(f"{self.name}: {member} must be {A_REGION}")
        return value or None

    def profile(self, member: str) -> str | None:
        """A profile ARN, whose region becomes part of a host name too."""
        value = self.text(member)
        if not is_usable_profile(value):
            raise BadEntry(f"{self.name}: the region in {member} must be {A_REGION}")
        return value or None

    def words(self, member: str) -> str:
        """A list of strings or one string, joined by spaces."""
        value = self._entry.get(member)
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return " ".join(value)
        return self.text(member)

    def time(self, member: str) -> float:
        value = self._entry.get(member)
        if value in (None, ""):
            return 0.0
        try:
            return parse_time(value)
        except (ValueError, OverflowError):
            raise BadEntry(f"{self.name}: {member} is not a time") from None
