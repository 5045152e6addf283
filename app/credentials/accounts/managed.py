"""One account in use: supplies its token and reacts to what the upstream did with it.

:mod:`app.credentials.refresh.policy` decides when to refresh, :mod:`app.credentials.health` what an
error means for the account.
"""

import logging
import math
import threading
import time

from app.common.errors import GatewayError, Kind
from app.credentials import health
from app.credentials.health import AccountHealth
from app.credentials.model import AuthKind, Login, Token, token_id
from app.credentials.refresh import policy
from app.credentials.refresh.policy import Action

from .refresh_runner import RefreshRunner, Urgency, wait
from .state import AccountState, Dependencies

log = logging.getLogger("kiro2api.credentials")

_LOOK_INTERVAL = 0.1  # seconds between two looks of requests whose refresh is blocked


class ManagedAccount:
    """Shared by all greenlets of the process."""

    def __init__(self, login: Login, deps: Dependencies) -> None:
        self._deps = deps
        self.state = AccountState(login, deps)
        self._runner = RefreshRunner(self.state, deps)
        self._accepted = ""
        self._asked_at = 0.0
        self._looked_at = -math.inf

    def availability(self) -> health.Availability:
        """Whether the account may serve a request now."""
        return health.availability(self.state.health, self._deps.clock())

    def token(self) -> Token:
        """A token that is usable now. Waits for a refresh if there is none; raises its error."""
        state = self.state
        if state.login.kind is AuthKind.API_KEY and (error := state.refresh_block()):
            raise error  # every region has refused it
        token, action = state.token, state.next_action()
        if action is Action.REFRESH_FIRST:
            self._replace_token(token)
        elif action is Action.REFRESH_AHEAD and self._may_refresh_ahead():
            self._runner.start(token, token.access_token, Urgency.AHEAD)
        elif self._lacks_profile():
            self._find_profile(token)
        return state.token

    def accepted(self, token: Token) -> None:
        """The upstream accepted this token."""
        if token.access_token != self._accepted:  # once per token
            self._accepted = token.access_token
            self._share_acceptance(token_id(token.access_token))
        self.state.finding = None
        known = self.state.health
        is_over = token.kind is AuthKind.API_KEY and known.over
        if token.is_probe or is_over or health.is_refused(known):
            log.info("credential: account %s works again", self.state.name)
            self.state.update_health(health.cleared)

    def refused(self, token: Token) -> Token | None:
        """The token to try instead of one that the upstream refused, None if there is none.

        Raises GatewayError if a refresh would help but fails.
        """
        state = self.state
        if token.access_token != state.token.access_token:
            return self.token()  # refreshed in the meantime
        state.sync_health()
        if not self._refresh_may_help(token):  # another worker may have a newer one, or know more
            wait(self._runner.start(token, token.access_token, Urgency.ADOPT))
        if not _differs(state.token, token) and self._refresh_may_help(token):
            self._replace_token(token)
        return state.token if _differs(state.token, token) else None

    def failed(self, error: GatewayError) -> None:
        """The upstream failed a request of this account."""
        now = self._deps.clock()
        self.state.update_health(lambda known: health.after(known, error, now))

    def claim_probe(self) -> bool:
        """Whether this request is the one that may probe the parked account."""
        now = self._deps.clock()
        won = False

        def claim(known: AccountHealth) -> AccountHealth:
            nonlocal won
            won = health.availability(known, now) is health.Availability.PROBE
            return health.probing(known, now) if won else known

        self.state.update_health(claim)
        return won

    def sync(self) -> None:
        """Take over what other workers know, and query a quota that was used up when it is time."""
        state, now = self.state, self._deps.clock()
        state.sync_health()
        if self._must_repeat_acceptance():
            self._share_acceptance(token_id(self._accepted))
        # another process may have a token that works, or has got the one that is in use now
        if state.refresh_block() or state.is_behind():
            self._runner.start(state.token, state.token.access_token, Urgency.LOOK)
        if health.quota_is_due(state.health, now) and abs(now - self._asked_at) >= health.ASK_QUOTA:
            self._asked_at = now
            threading.Thread(target=self.ask_quota, name="quota", daemon=True).start()

    def ask_quota(self) -> None:
        """Query how much of the quota is used, with the token that is here or that another process
        has stored; none is refreshed for it. A failure changes nothing but ``state.problem``.
        """
        if self._deps.control is None:
            return
        try:
            if self.state.lacks_token():
                stale = self.state.token
                wait(self._runner.start(stale, stale.access_token, Urgency.LOOK))
            if not self.state.lacks_token():
                self._ask_quota(self.state.token)
        except GatewayError as error:
            self._note(error)

    def check(self) -> None:
        """Find out whether the account works: get a token, refreshed if need be, and ask for the
        quota with it, which costs nothing. ``state.problem`` says why it does not work.
        """
        self.state.note(None)
        try:
            token = self.token()
            try:
                self._ask_quota(token)
            except GatewayError as error:
                fresh = self.refused(token) if error.kind is Kind.REFUSED_TOKEN else None
                if fresh is None:
                    raise
                self._ask_quota(fresh)
        except GatewayError as error:
            self._note(error)

    def finish_refresh(self, timeout: float) -> None:
        """Wait for a running refresh: its result must be stored before the process ends."""
        self._runner.finish(timeout)

    def source_changed(self, login: Login) -> None:
        """The source may hold a different login than before."""
        before = self.state.grant
        grant = self._deps.store.load(login)
        if self.state.grant is before:  # otherwise a refresh has adopted something newer
            self.state.adopt(login, grant)

    def _ask_quota(self, token: Token) -> None:
        control, state = self._deps.control, self.state
        if control is None:
            return
        quota = control.quota(token.access_token, token.kind, token.profile_arn, token.region)
        state.note(None)
        self._share_acceptance(token_id(token.access_token))
        if quota:
            now = self._deps.clock()
            state.update_health(lambda known: health.with_quota(known, quota, now))

    def _note(self, error: GatewayError) -> None:
        self.state.note(error)
        log.info("credential: account %s: no quota: %s", self.state.name, error.message)

    def _may_refresh_ahead(self) -> bool:
        return self._deps.store.is_in_sync(self.state.login) and not self.state.refresh_block()

    def _refresh_may_help(self, token: Token) -> bool:
        """Whether a refresh can help this token, which was refused."""
        state = self.state
        return policy.refreshable(state.login, state.grant) and policy.refresh_may_help(
            max(state.grant.refreshed_at, state.health.refreshed_at),
            accepted=token.access_token == self._accepted
            or state.health.accepted == token_id(token.access_token),
            now=self._deps.clock(),
        )

    def _is_look_due(self) -> bool:
        """Another process may have a token that works: requests look, but not all of them."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_INTERVAL:
            return False
        self._looked_at = now
        return True

    def _share_acceptance(self, accepted: str) -> None:
        """Tell every worker that a refresh can help if this token is refused later."""
        if self.state.health.accepted != accepted:
            self.state.update_health(lambda known: health.accepted(known, accepted))

    def _must_repeat_acceptance(self) -> bool:
        """Whether others no longer know that the token was accepted, for instance after a failover
        of the store. A host that has an older refresh token does not contradict the others.
        """
        state = self.state
        return (
            self._accepted == state.token.access_token != ""
            and state.health.lineage[:1] == (state.grant.token_id,)
            and state.health.accepted != token_id(self._accepted)
        )

    def _lacks_profile(self) -> bool:
        state = self.state
        return (
            self._deps.control is not None
            and policy.needs_profile(state.login, state.grant)
            and self._runner.profile_asked_with != state.token.access_token
        )

    def _find_profile(self, token: Token) -> None:
        self._runner.profile_asked_with = token.access_token
        try:
            wait(self._runner.start(token, stale="", urgency=Urgency.ADOPT))
        except GatewayError as error:  # the request can still be tried without a profile
            if token.kind is AuthKind.API_KEY and error.kind is Kind.LOGIN_OVER:
                raise

    def _replace_token(self, stale: Token) -> None:
        """Return when another token than ``stale`` is usable, or raise why none is."""
        state = self.state
        for _ in range(2):  # the first task may be one that was running and only adopts
            if state.refresh_block() and self._is_look_due():
                wait(self._runner.start(stale, stale.access_token, Urgency.LOOK))
            if error := state.refresh_block():
                raise error
            wait(self._runner.start(stale, stale.access_token))
            if state.has_token_other_than(stale.access_token):
                return
            stale = state.token


def _differs(new: Token, old: Token) -> bool:
    """Whether a request may get another answer with the new token."""
    return (new.access_token, new.profile_arn) != (old.access_token, old.profile_arn)
