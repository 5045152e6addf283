"""The values of this package: what a login is, what it grants for the moment, what a request gets.

Every secret is left out of the reprs. Times are seconds since the epoch by the local clock.
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from app.aws.regions import is_region


class AuthKind(StrEnum):
    """How a login is refreshed, and what the upstream must be told about its tokens."""

    SOCIAL = "social"
    IDC = "idc"
    EXTERNAL_IDP = "external_idp"
    API_KEY = "api_key"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a login is worth at one moment: the tokens that one refresh gave.

    ``expires_at`` is 0 where nobody said. ``refreshed_at`` is 0 where it is not known, and
    ``generation`` counts the refreshes of this login that this gateway did.
    """

    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: float = 0.0
    profile_arn: str | None = None
    refreshed_at: float = 0.0
    generation: int = 0

    @property
    def mark(self) -> str:
        """Tells the logins of an account apart."""
        return mark(self.refresh_token or self.access_token)


@dataclass(frozen=True, slots=True)
class Login:
    """What a source says: who logged in, how to refresh it, and the tokens the source holds.

    ``account`` is stable over refreshes and restarts and tells nothing secret. ``path`` is the file
    to keep up to date when the source is one; others must be able to read it too, so it keeps the
    form it has. ``is_shared``: other programs refresh the same login. ``region`` is that of the
    service that refreshes (for an API key, of the API).
    """

    account: str
    source: str
    kind: AuthKind
    grant: Grant
    path: Path | None = None
    is_shared: bool = False
    region: str | None = None
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    token_endpoint: str = ""
    scopes: str = ""
    description: str = ""

    @property
    def secret(self) -> str:
        """What the login stands and falls with: another one means that somebody logged in anew."""
        return self.grant.refresh_token or self.grant.access_token

    @property
    def api_region(self) -> str | None:
        """The region of the API where the login names it; else the profile does."""
        return self.region if self.kind is AuthKind.API_KEY else None


@dataclass(frozen=True, slots=True)
class Token:
    """What one request sends. ``region`` is the API's, None if nothing tells it.

    The rest is for the credentials themselves: the conversation it serves, the accounts this
    request has tried, and whether it is the one that tries a parked account.
    """

    access_token: str = field(repr=False)
    kind: AuthKind
    profile_arn: str | None
    region: str | None
    account: str
    expires_at: float
    session: str = field(default="", repr=False)
    tried: frozenset[str] = frozenset()
    is_probe: bool = False


def fingerprint(secret: str) -> str:
    """A name for a secret that does not tell it: SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def mark(secret: str) -> str:
    """A short name for a token, to tell it from others of the same account."""
    return fingerprint(secret)[:16]


def profile_region(profile_arn: str | None) -> str | None:
    """The region in a profile's ARN, which is the one its API calls must go to."""
    parts = (profile_arn or "").split(":")
    return parts[3] or None if len(parts) > 3 else None


def is_usable_profile(profile_arn: str) -> bool:
    """Whether the region in a profile's ARN, if it has one, may become part of a host name."""
    region = profile_region(profile_arn)
    return region is None or is_region(region)
