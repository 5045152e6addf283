"""What this process knows of one account: its login, its newest grant and its health."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from app.aws.quota import Quota
from app.aws.regions import region_of
from app.common.errors import GatewayError, Kind
from app.credentials import health
from app.credentials.boot import Boot
from app.credentials.health import AccountHealth, of_login, possible_wait, rebased, written
from app.credentials.model import Grant, Login, Token
from app.credentials.refresh import policy
from app.credentials.refresh.refresher import Refresher
from app.credentials.store.interface import TokenStore

_REFRESHING = 60.0
"""Seconds: longer than from a refresh until it is noted, shorter than to the next."""


class ControlPlane(Protocol):
    """The upstream's operations on an account. Both raise GatewayError."""

    def find_profile(self, access_token: str, kind: str, region: str | None) -> str | None:
        """The ARN of the account's profile, None if it has none. ``region`` is that of the login.
        LOGIN_OVER for an API key that is refused wherever it could be known.
        """

    def quota(
        self, access_token: str, kind: str, profile_arn: str | None, region: str | None
    ) -> Quota | None:
        """How much of the account's quota is used, None if it has no quota."""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What every account works with.

    ``reread`` returns a login as its source holds it now, None if the source no longer holds it.
    ``retry_from`` is the time from which on a refusal counts: that of the start of this process, or
    of the last change of the source. ``refreshes`` counts those of this process by outcome: ``ok``,
    ``failed`` (it is tried again), ``over`` (it is not).
    """

    store: TokenStore
    refresher: Refresher
    reread: Callable[[Login], Login | None]
    clock: Callable[[], float]
    control: ControlPlane | None = None
    retry_from: Callable[[], float] = lambda: 0.0
    boot: Boot | None = None
    refreshes: Counter[str] = field(default_factory=Counter)


class AccountState:
    """``login``, ``grant``, ``token`` and ``health`` are replaced as a whole, never mutated.

    ``problem``: why this process could not ask for the quota the last time, None if it could or
    did not ask. Other processes do not know it. ``finding`` is the same as long as nothing that is
    known by now contradicts it.
    """

    def __init__(self, login: Login, deps: Dependencies) -> None:
        self._deps = deps
        self.problem: GatewayError | None = None
        self.finding: GatewayError | None = None
        self._known_then = AccountHealth()
        self.adopt(login, deps.store.load(login))

    @property
    def name(self) -> str:
        return self.login.account

    def adopt(self, login: Login, grant: Grant) -> None:
        """Use this login and grant from now on. A profile that the owner configured is kept."""
        if login.path is None and login.grant.profile_arn:
            grant = replace(grant, profile_arn=login.grant.profile_arn)
        self.login = login
        self.grant = grant
        self.token = Token(
            access_token=grant.access_token,
            kind=login.kind,
            profile_arn=grant.profile_arn,
            region=region_of(grant.profile_arn) or login.api_region,
            account=login.account,
            expires_at=grant.expires_at,
        )
        self.sync_health()

    def adopt_newest(self) -> None:
        """Adopt what the source and the store hold now."""
        self.adopt(*self.newest())

    def newest(self) -> tuple[Login, Grant]:
        """The login as its source holds it now, and the newest grant that the store has for it."""
        login = self._deps.reread(self.login) or self.login
        return login, self._deps.store.load(login)

    def sync_health(self) -> None:
        """Take over the health that other workers have stored."""
        self.health = self._own_health(self._deps.store.health(self.login))
        if self.problem and self.health.quota_at != self._known_then.quota_at:
            self.note(None)  # another process could ask
        elif self.finding and health.has_worked_since(self._known_then, self.health):
            self.finding = None

    def note(self, problem: GatewayError | None) -> None:
        """What came of asking for the quota: a problem, None if it was told."""
        self.problem = self.finding = problem
        self._known_then = self.health

    def is_behind(self) -> bool:
        """Whether another process has refreshed the login since its grant was read here. What is
        said of the account would be about a token that is no longer in use.
        """
        known, own = self._deps.store.health(self.login), self.grant
        if not set(known.lineage[:1]) <= set(own.token_ids):
            return True
        # some refresh tokens stay the same
        return self.lacks_token() and known.refreshed_at > own.refreshed_at + _REFRESHING

    def lacks_token(self) -> bool:
        """Whether there is no token here that has not expired."""
        return not self.token.access_token or self.has_expired(self._deps.clock())

    def has_expired(self, now: float) -> bool:
        """Whether the token has; one whose expiry is not known has not."""
        return 0 < self.grant.expires_at <= now

    def update_health(self, change: Callable[[AccountHealth], AccountHealth]) -> None:
        """Apply ``change`` to the health, for all workers."""
        self.health = self._deps.store.update_health(
            self.login, lambda known: self._changed(self._own_health(known), change)
        )

    def next_action(self) -> policy.Action:
        """What the remaining lifetime of the token calls for."""
        return policy.next_action(self.login, self.grant, self._deps.clock())

    def has_token_other_than(self, stale: str) -> bool:
        """Whether the current token is usable and differs from ``stale``."""
        is_other = self.grant.access_token not in ("", stale)
        return is_other and self.next_action() is not policy.Action.REFRESH_FIRST

    def refresh_block(self) -> GatewayError | None:
        """The error of the last refresh while it forbids another one, None if one may be tried."""
        known = self.health
        if not self.failure_counts():
            return None
        over = known.over and known.over_at >= self._deps.retry_from()
        left = possible_wait(known.refresh_at - self._deps.clock())
        if not over and (known.over or not left):
            return None
        kind = known.refresh_kind or Kind.UNAVAILABLE
        return GatewayError(kind, known.refresh_why, retry_after=None if over else left)

    def failure_counts(self) -> bool:
        """Whether what is known of a failed refresh is about the current refresh token."""
        return self.health.refused in ("", self.grant.token_id)

    def _own_health(self, known: AccountHealth) -> AccountHealth:
        """The stored health if it belongs to this login; a new login starts with a clean one."""
        known = of_login(known, self.grant.token_ids)
        return rebased(known, boot.name, self._offset(boot)) if (boot := self._deps.boot) else known

    def _changed(
        self, known: AccountHealth, change: Callable[[AccountHealth], AccountHealth]
    ) -> AccountHealth:
        changed, boot = change(known), self._deps.boot
        if boot is None or changed == known:
            return changed
        return written(changed, boot.name, self._offset(boot))

    def _offset(self, boot: Boot) -> float:
        return self._deps.clock() - boot.seconds()
