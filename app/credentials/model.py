"""The values that the whole package shares: logins, grants and the tokens that requests use.

Secrets are left out of every repr. Times are seconds since the epoch by the local clock.
"""

import hashlib
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from app.aws.regions import is_gov, is_region, region_of

_ID_LENGTH = 16


class AuthKind(StrEnum):
    """How a login is refreshed, and which token type to send upstream."""

    SOCIAL = "social"
    IDC = "idc"
    EXTERNAL_IDP = "external_idp"
    API_KEY = "api_key"


@dataclass(frozen=True, slots=True)
class Grant:
    """The tokens of a login at one moment: what the last refresh returned.

    ``expires_at`` and ``refreshed_at`` are 0 if unknown. ``generation`` counts the refreshes of
    this login by this gateway. ``ancestors`` are the fingerprints of the refresh tokens that this
    grant replaced, the latest first (:mod:`app.credentials.lineage`).
    """

    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: float = 0.0
    profile_arn: str | None = None
    refreshed_at: float = 0.0
    generation: int = 0
    ancestors: tuple[str, ...] = field(default=(), repr=False)

    @property
    def token_id(self) -> str:
        """Identifies the login among the successive logins of an account; not secret."""
        return token_id(self.refresh_token or self.access_token)

    @property
    def token_ids(self) -> tuple[str, ...]:
        """The id of this grant, and those of the ones that it replaced, the latest first."""
        return (self.token_id, *(name[:_ID_LENGTH] for name in self.ancestors))


@dataclass(frozen=True, slots=True)
class Login:
    """One login as a source describes it: who it is, how to refresh it, the tokens it holds.

    ``account`` stays the same over refreshes and restarts and is not secret. ``path`` is the token
    file to keep up to date, if the source is one; other programs read that file too, so its format
    is preserved. ``is_shared``: other programs refresh the same login. ``region`` is the region of
    the service that refreshes the login (for an API key, the region of the API).
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
        """The token that identifies the login; a different one means that the user logged in
        again.
        """
        return self.grant.refresh_token or self.grant.access_token

    @property
    def api_region(self) -> str | None:
        """The API region if the login itself names it; otherwise the profile names it. A login of
        GovCloud is unknown outside of it.
        """
        names_it = self.kind is AuthKind.API_KEY or is_gov(self.region or "")
        return self.region if names_it else None


@dataclass(frozen=True, slots=True)
class Token:
    """What one request sends upstream. ``region`` is the API region, None if unknown.

    The last four fields are for this package only: the conversation that the token serves, the
    accounts that the request has tried already, those that lack its model, and whether the request
    probes a parked account.
    """

    access_token: str = field(repr=False)
    kind: AuthKind
    profile_arn: str | None
    region: str | None
    account: str
    expires_at: float
    session: str = field(default="", repr=False)
    tried: frozenset[str] = frozenset()
    lacking: frozenset[str] = frozenset()
    is_probe: bool = False

    def for_request(
        self,
        session: str,
        tried: frozenset[str],
        lacking: frozenset[str],
        *,
        is_probe: bool = False,
    ) -> "Token":
        """The token with what one request needs to remember of itself."""
        if not (session or tried or lacking or is_probe):
            return self
        return replace(self, session=session, tried=tried, lacking=lacking, is_probe=is_probe)


def fingerprint(secret: str) -> str:
    """The SHA-256 of a secret in hex: a name that does not reveal it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def token_id(secret: str) -> str:
    """A short fingerprint, enough to distinguish the tokens of one account."""
    return fingerprint(secret)[:_ID_LENGTH]


def is_usable_profile(profile_arn: str) -> bool:
    """Whether the region in a profile ARN is absent or safe to use in a host name."""
    region = region_of(profile_arn)
    return region is None or is_region(region)
