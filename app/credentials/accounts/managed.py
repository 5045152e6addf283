"""One account at work: gives its token, and draws the conclusions from what became of it.

:mod:`app.credentials.refresh.policy` says when to refresh, :mod:`app.credentials.health` what an
error means for the account.
"""

import contextlib
import logging
import threading

from app.credentials import health
from app.credentials.health import Standing
from app.credentials.model import Login, Token, mark
from app.credentials.refresh import policy
from app.credentials.refresh.policy import Tier
from app.errors import GatewayError

from .refresh_runner import Need, Renewal, wait
from .state import Account, Tools

log = logging.getLogger("kiro2api.credentials")


class Keeper:
    """For all greenlets of the process."""

    def __init__(self, login: Login, tools: Tools) -> None:
        self._tools = tools
        self.account = Account(login, tools)
        self._renewal = Renewal(self.account, tools)
        self._accepted = ""
        self._ask_quota_at = 0.0

    def use(self) -> health.Use:
        """Whether the account may serve a request now."""
        return health.use(self.account.standing, self._tools.clock())

    def token(self) -> Token:
        """A token fit to be used now. Waits for the refresh if there is none; raises its error."""
        account = self.account
        token, tier = account.token, account.tier()
        if tier is Tier.REFRESH_FIRST:
            self._replace(token)
        elif tier is Tier.REFRESH_AHEAD and self._tools.store.knows_all() and not account.pause():
            self._renewal.start(token, token.access_token, Need.AHEAD)
        elif self._lacks_profile():
            self._ask_profile(token)
        return account.token

    def accepted(self, token: Token) -> None:
        """The upstream took this token."""
        if token.access_token != self._accepted:  # once for each token
            self._accepted = token.access_token
            self._share_acceptance(mark(token.access_token))
        if token.is_probe:
            log.info("credential: account %s works again", self.account.name)
            self.account.amend(health.cleared)

    def refused(self, token: Token) -> Token | None:
        """The token to try instead of one that was refused, None if none would do better.

        Raises GatewayError where a refresh would help but fails.
        """
        account = self.account
        if token.access_token != account.token.access_token:
            return self.token()  # refreshed in the meantime
        account.sync()
        may_cure = policy.refreshable(account.login, account.grant) and policy.may_cure(
            max(account.grant.refreshed_at, account.standing.refreshed_at),
            accepted=account.standing.accepted == mark(token.access_token),
            now=self._tools.clock(),
        )
        if may_cure:
            self._replace(account.token)
        else:  # another worker may have a newer one
            wait(self._renewal.start(account.token, token.access_token, Need.LOOK))
        return account.token if account.token.access_token != token.access_token else None

    def failed(self, error: GatewayError) -> None:
        """The upstream failed a request of this account."""
        now = self._tools.clock()
        self.account.amend(lambda known: health.after(known, error, now))

    def claim_probe(self) -> bool:
        """Whether this request is the one that may try the parked account."""
        now = self._tools.clock()
        won = False

        def claim(known: Standing) -> Standing:
            nonlocal won
            won = health.use(known, now) is health.Use.PROBE
            return health.probing(known, now) if won else known

        self.account.amend(claim)
        return won

    def look_around(self) -> None:
        """Now and then: what other workers know, and whether a quota that was used up still is."""
        account, now = self.account, self._tools.clock()
        account.sync()
        if health.quota_is_due(account.standing, now) and now >= self._ask_quota_at:
            self._ask_quota_at = now + health.ASK_QUOTA
            threading.Thread(target=self.ask_quota, name="quota", daemon=True).start()

    def ask_quota(self) -> None:
        """Ask the service how much is left. A failure changes nothing."""
        control, token = self._tools.control, self.account.token
        if control is None or not token.access_token:
            return
        try:
            quota = control.quota(token.access_token, token.kind, token.profile_arn, token.region)
        except GatewayError as error:
            log.info("credential: account %s: no quota: %s", self.account.name, error.message)
            return
        if quota:
            now = self._tools.clock()
            self.account.amend(lambda known: health.with_quota(known, quota, now))

    def settle(self, timeout: float) -> None:
        """Wait for a refresh that is under way: its answer must be kept before the process ends."""
        self._renewal.finish(timeout)

    def source_changed(self, login: Login) -> None:
        """The source may hold something else than before."""
        before = self.account.grant
        grant = self._tools.store.load(login)
        if self.account.grant is before:  # else a refresh has looked, and later
            self.account.adopt(login, grant)

    def _share_acceptance(self, name: str) -> None:
        """So that every worker knows that a later refusal can be cured."""
        if self.account.standing.accepted != name:
            self.account.amend(lambda known: health.accepted(known, name))

    def _lacks_profile(self) -> bool:
        account = self.account
        return (
            self._tools.control is not None
            and policy.wants_profile(account.login, account.grant)
            and self._renewal.asked_profile_of != account.token.access_token
        )

    def _ask_profile(self, token: Token) -> None:
        self._renewal.asked_profile_of = token.access_token
        with contextlib.suppress(GatewayError):  # no reason not to try without
            wait(self._renewal.start(token, stale="", need=Need.LOOK))

    def _replace(self, stale: Token) -> None:
        """Returns when the token is another one than ``stale``, or raises why it is not."""
        for _ in range(2):  # the first may be a look that was under way already
            if error := self.account.pause():
                raise error
            wait(self._renewal.start(stale, stale.access_token))
            if self.account.token.access_token != stale.access_token:
                return
