"""Access and refresh tokens.

A new refresh token is accepted once without any set-up; a refresh spends it and issues the next.
Valid access tokens are those issued here or declared. An API key (`ksk_...`) is accepted unless it
was declared dead.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from app.simulator.catalogue.faults import NAMED, Fault

LoginKind = Literal["social", "oidc", "external"]

SOCIAL_PROFILE_ARN = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"
PROFILE_ARN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/SIMULATOR000"


def _is_token_list(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


_MEMBERS: dict[str, Callable[[Any], bool]] = {
    "declare": _is_token_list,
    "expire": lambda value: value == "all" or _is_token_list(value),
    "dead": _is_token_list,
    "spent": _is_token_list,
    "lifetime": lambda value: isinstance(value, int | float) and value >= 0,
    "rotate": lambda value: isinstance(value, bool),
    "accept_any": lambda value: isinstance(value, bool),
    "expired_status": lambda value: value in (401, 403),
    "regions": lambda value: isinstance(value, dict) and _is_token_list([*value.values()]),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """The tokens of a successful sign-in or refresh. If `refresh_token` is None, the old one stays
    valid."""

    access_token: str
    refresh_token: str | None
    expires_in: int


@dataclass(slots=True)
class _AccessToken:
    kind: LoginKind | Literal["declared"]
    expires_at: float
    account: str = ""


class Tokens:
    """The state of all tokens. Times are seconds; `clock` returns seconds since the epoch."""

    def __init__(
        self,
        *,
        lifetime: float = 3600,
        accept_any: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self.lifetime = lifetime
        self.accept_any = accept_any
        self.expired_status = 403
        self.rotate = True
        self.refreshes = 0
        self.regions: dict[str, str] = {}
        self._issued = 0
        self._access: dict[str, _AccessToken] = {}
        self._accounts: dict[str, str] = {}
        self._spent: set[str] = set()
        self._dead: set[str] = set()

    def configure(self, form: Any) -> None:
        """Apply the members of an object. Raises ValueError, and then applies none of them.

        `declare`, `expire`, `dead` and `spent` are lists of tokens; `expire` may be "all", and
        `dead` may include client ids. `lifetime`, `rotate`, `accept_any`, `expired_status` (403 or
        401) and `regions` replace the current values. `regions` has the region of the profile by
        account (see `Catalogue.accounts`): elsewhere the account has none.
        """
        if not isinstance(form, dict) or form.keys() - _MEMBERS.keys():
            raise ValueError(f"expected an object of {', '.join(_MEMBERS)}")
        for name, value in form.items():
            if not _MEMBERS[name](value):
                raise ValueError(f"{name} has a value that is not allowed")
        actions: dict[str, Callable[[Any], None]] = {
            "declare": self.declare,
            "expire": self.expire,
            "dead": self._dead.update,
            "spent": self._spent.update,
        }
        for name, value in form.items():
            if name in actions:
                actions[name](value)
            else:
                setattr(self, name, value)

    def declare(self, tokens: Iterable[str]) -> None:
        """Accept these access tokens for one lifetime from now on."""
        for token in tokens:
            self._access[token] = _AccessToken("declared", self._clock() + self.lifetime)

    def expire(self, tokens: Iterable[str] | Literal["all"]) -> None:
        """Expire these access tokens now."""
        for token in list(self._access) if tokens == "all" else tokens:
            if token in self._access:
                self._access[token].expires_at = 0

    def is_dead(self, value: str) -> bool:
        """Return whether a token or client id was declared dead."""
        return value in self._dead

    def label(self, bearer: str) -> str:
        """Return the token if the simulator knows it, so that it is not a secret, else a masked
        form."""
        return bearer if bearer in self._access else bearer[:4] + "***" if bearer else ""

    def account(self, bearer: str) -> str:
        """Return the first refresh token of the login that a token was issued to, else the token
        itself."""
        access = self._access.get(bearer)
        return (access and access.account) or bearer

    def grant(self, kind: LoginKind, refresh_token: str | None = None) -> Grant | None:
        """Issue an access token, and spend the refresh token if one is given.

        Return None if the refresh token is spent or dead.
        """
        if refresh_token is not None:
            if refresh_token in self._spent or refresh_token in self._dead:
                return None
            if self.rotate:
                self._spent.add(refresh_token)
            self.refreshes += 1
        self._issued += 1
        access = f"sim-access-{self._issued}"
        account = self._accounts.get(refresh_token or "", refresh_token or "")
        self._access[access] = _AccessToken(kind, self._clock() + self.lifetime, account)
        fresh = f"sim-refresh-{self._issued}-".ljust(128, "x") if self.rotate else None
        if fresh:
            self._accounts[fresh] = account or fresh
        return Grant(access, fresh, int(self.lifetime))

    def refusal(self, bearer: str, token_type: str) -> Fault | None:
        """Return the fault that refuses a call with this bearer and TokenType header, None if the
        call is allowed."""
        if bearer.startswith("ksk_"):
            good = token_type == "API_KEY" and bearer not in self._dead
            return None if good else NAMED["bearer_invalid"]
        access = self._access.get(bearer)
        if access is None:
            return None if self.accept_any and bearer else NAMED["bearer_invalid"]
        if bearer in self._dead or (access.kind == "external" and token_type != "EXTERNAL_IDP"):
            return NAMED["bearer_invalid"]
        if access.expires_at <= self._clock():
            expired = "expired_token_401" if self.expired_status == 401 else "bearer_invalid"
            return NAMED[expired]
        return None
