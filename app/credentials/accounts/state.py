"""What this process knows of one account: its login, its newest grant, what is held against it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from app.aws.quota import Quota
from app.credentials.health import Standing
from app.credentials.model import Grant, Login, Token, profile_region
from app.credentials.refresh import policy
from app.credentials.refresh.refresher import Refresher
from app.credentials.store.files import TokenStore
from app.errors import GatewayError, Kind


class ControlPlane(Protocol):
    """What the upstream tells of an account. Both raise GatewayError."""

    def find_profile(self, access_token: str, kind: str) -> str | None:
        """The ARN of the account's profile, None if it has none."""

    def quota(
        self, access_token: str, kind: str, profile_arn: str | None, region: str | None
    ) -> Quota | None:
        """What is used of the account's quota, None if it has none."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What every account works with. ``reread`` gives a login as its source holds it now, None if
    the source no longer does.
    """

    store: TokenStore
    refresher: Refresher
    reread: Callable[[Login], Login | None]
    clock: Callable[[], float]
    control: ControlPlane | None = None


class Account:
    """``login``, ``grant``, ``token`` and ``standing`` are replaced, never changed."""

    def __init__(self, login: Login, tools: Tools) -> None:
        self._tools = tools
        self.adopt(login, tools.store.load(login))

    @property
    def name(self) -> str:
        return self.login.account

    def adopt(self, login: Login, grant: Grant) -> None:
        """Go on with this grant. A profile that the owner named is not another's to replace."""
        if login.path is None and login.grant.profile_arn:
            grant = replace(grant, profile_arn=login.grant.profile_arn)
        self.login = login
        self.grant = grant
        self.token = Token(
            access_token=grant.access_token,
            kind=login.kind,
            profile_arn=grant.profile_arn,
            region=profile_region(grant.profile_arn) or login.api_region,
            account=login.account,
            expires_at=grant.expires_at,
        )
        self.sync()

    def adopt_newest(self) -> None:
        """Go on with what the source and the store hold now."""
        self.adopt(*self.newest())

    def newest(self) -> tuple[Login, Grant]:
        """The login as its source holds it now, and what the store has for that."""
        login = self._tools.reread(self.login) or self.login
        return login, self._tools.store.load(login)

    def sync(self) -> None:
        """Take up what other workers hold against the account."""
        self.standing = self._own(self._tools.store.standing(self.login))

    def amend(self, change: Callable[[Standing], Standing]) -> None:
        """Change the standing, for all workers."""
        self.standing = self._tools.store.amend(self.login, lambda known: change(self._own(known)))

    def tier(self) -> policy.Tier:
        """What the token's remaining time asks for."""
        return policy.tier(self.login, self.grant, self._tools.clock())

    def is_better_than(self, stale: str) -> bool:
        """Whether there is a token to be used now that is another one than ``stale``."""
        is_other = self.grant.access_token not in ("", stale)
        return is_other and self.tier() is not policy.Tier.REFRESH_FIRST

    def pause(self) -> GatewayError | None:
        """The error to repeat instead of refreshing now, None if a refresh may be tried."""
        known = self.standing
        left = known.refresh_at - self._tools.clock()
        if not known.over and left <= 0:
            return None
        kind = known.refresh_kind or Kind.UNAVAILABLE
        return GatewayError(kind, known.refresh_why, retry_after=None if known.over else left)

    def _own(self, known: Standing) -> Standing:
        """The standing, if it is this login's; another login begins with a clean one."""
        name = self.grant.mark
        return known if name in known.lineage else Standing(lineage=(name,))
