"""Access and refresh tokens: who may call, and what a refresh costs.

A refresh token never seen before is accepted once, so that nobody has to set anything up; using
it spends it and issues the next. Access tokens are those issued here or declared; an API key
(`ksk_...`) is accepted unless declared dead.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from app.simulator.catalogue.faults import NAMED, Fault

Kind = Literal["social", "oidc", "external"]

SOCIAL_PROFILE_ARN = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK"
PROFILE_ARN = "arn:aws:codewhisperer:us-east-1:123456789012:profile/SIMULATOR000"


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


_MEMBERS: dict[str, Callable[[Any], bool]] = {
    "declare": _is_tokens,
    "expire": lambda value: value == "all" or _is_tokens(value),
    "dead": _is_tokens,
    "spent": _is_tokens,
    "lifetime": lambda value: isinstance(value, int | float) and value >= 0,
    "rotate": lambda value: isinstance(value, bool),
    "accept_any": lambda value: isinstance(value, bool),
    "expired_status": lambda value: value in (401, 403),
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a successful sign-in or refresh gives; `refresh_token` None: keep the old one."""

    access_token: str
    refresh_token: str | None
    expires_in: int


@dataclass(slots=True)
class _Access:
    kind: Kind | Literal["declared"]
    expires_at: float


class Tokens:
    """The state of all tokens. Times are seconds; `clock` gives seconds since the epoch."""

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
        self._issued = 0
        self._access: dict[str, _Access] = {}
        self._spent: set[str] = set()
        self._dead: set[str] = set()

    def configure(self, form: Any) -> None:
        """Apply the members of an object, all or, upon ValueError, none.

        `declare`, `expire`, `dead` and `spent` are lists of tokens (`expire` also "all", `dead`
        also client ids). `lifetime`, `rotate`, `accept_any` and `expired_status` (403 or 401) are
        set.
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
        """Accept these access tokens for one lifetime from now."""
        for token in tokens:
            self._access[token] = _Access("declared", self._clock() + self.lifetime)

    def expire(self, tokens: Iterable[str] | Literal["all"]) -> None:
        """Let these access tokens be expired from now on."""
        for token in list(self._access) if tokens == "all" else tokens:
            if token in self._access:
                self._access[token].expires_at = 0

    def is_dead(self, value: str) -> bool:
        """Say whether a token or client id was declared dead."""
        return value in self._dead

    def label(self, bearer: str) -> str:
        """Return the token if it is one of ours, and so no secret, else a mask."""
        return bearer if bearer in self._access else bearer[:4] + "***" if bearer else ""

    def grant(self, kind: Kind, refresh_token: str | None = None) -> Grant | None:
        """Issue an access token, spending the refresh token if one is given; None if it is spent
        or dead."""
        if refresh_token is not None:
            if refresh_token in self._spent or refresh_token in self._dead:
                return None
            if self.rotate:
                self._spent.add(refresh_token)
            self.refreshes += 1
        self._issued += 1
        access = f"sim-access-{self._issued}"
        self._access[access] = _Access(kind, self._clock() + self.lifetime)
        fresh = f"sim-refresh-{self._issued}-".ljust(128, "x") if self.rotate else None
        return Grant(access, fresh, int(self.lifetime))

    def refusal(self, bearer: str, token_type: str) -> Fault | None:
        """Return why a call with this bearer and TokenType header is refused, None if it is not."""
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
