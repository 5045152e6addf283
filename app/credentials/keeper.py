"""Keeps one account's token fresh, for all greenlets of this process.

The refresh runs in a thread of its own (a greenlet under gevent), which nobody cancels: a request
that is given up while it waits must not take a new refresh token with it. When to refresh is
:mod:`app.credentials.policy`'s to say; this is the machinery.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from app.errors import GatewayError, Kind

from . import policy
from .model import Grant, Login, Token, profile_region
from .policy import Tier
from .refresh import Refresher
from .store import SourceChanged, TokenStore

log = logging.getLogger("kiro2api.credentials")

_ATTEMPTS = 3  # at a login that changes while it is refreshed
_LONGEST_WAIT = 90.0  # above what a lock and one refresh call may take


class Keeper:
    """``reread`` gives the login as its source holds it now, None if the source no longer does."""

    def __init__(
        self,
        login: Login,
        *,
        store: TokenStore,
        refresher: Refresher,
        reread: Callable[[Login], Login | None],
        region: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._refresher = refresher
        self._reread = reread
        self._region = region
        self._clock = clock
        self._guard = threading.Lock()
        self._flight: Future[GatewayError | None] | None = None
        self._failures = 0
        self._error: GatewayError | None = None
        self._retry_at = 0.0
        self._over = ""  # the refresh token that was refused for good
        self._accepted = ""
        self.login = login
        self._grant = store.load(login)
        self._token = self._token_of(login, self._grant)

    @property
    def account(self) -> str:
        return self.login.account

    def token(self) -> Token:
        """A token fit to be used now. Waits for the refresh if there is none; raises its error."""
        token = self._token
        tier = policy.tier(self.login, self._grant, self._clock())
        if tier is Tier.REFRESH_FIRST:
            self._replace(token)
        elif tier is Tier.REFRESH_AHEAD and self._pause() is None:
            self._refresh(token)
        return self._token

    def accepted(self, token: Token) -> None:
        """The upstream took this token."""
        self._accepted = token.access_token

    def refused(self, token: Token) -> Token | None:
        """The token to try instead of one that was refused, None if none would do better.

        Raises GatewayError where a refresh would help but fails.
        """
        if token.access_token != self._grant.access_token:
            return self.token()  # refreshed in the meantime
        accepted = token.access_token == self._accepted
        if not policy.refreshable(self.login, self._grant) or not policy.may_cure(
            self._grant, accepted=accepted, now=self._clock()
        ):
            return None
        self._replace(token)
        return self._token

    def source_changed(self, login: Login) -> None:
        """The source holds something else than before."""
        self._adopt(login, self._store.load(login))

    def settle(self, timeout: float) -> None:
        """Wait for a refresh that is under way: its answer must be kept before the process ends."""
        flight = self._flight
        if flight:
            try:
                flight.result(timeout)
            except TimeoutError:
                log.error("credential: account %s: a refresh was cut off at the end", self.account)

    def _adopt(self, login: Login, grant: Grant) -> None:
        if grant.refresh_token not in (self._grant.refresh_token, self._over):
            self._failures, self._error, self._over = 0, None, ""
        self.login = login
        self._grant = grant
        self._token = self._token_of(login, grant)

    def _token_of(self, login: Login, grant: Grant) -> Token:
        return Token(
            access_token=grant.access_token,
            kind=login.kind,
            profile_arn=grant.profile_arn,
            region=profile_region(grant.profile_arn) or self._region,
            account=login.account,
            expires_at=grant.expires_at,
        )

    def _pause(self) -> GatewayError | None:
        """The error to repeat instead of refreshing now, None if a refresh may be tried."""
        error, left = self._error, self._retry_at - self._clock()
        if error is None or (not self._over and left <= 0):
            return None
        return _again(error, None if self._over else left)

    def _replace(self, stale: Token) -> None:
        """Returns when the token is another one than ``stale``, or raises why it is not."""
        if error := self._pause():
            raise error
        try:
            error = self._refresh(stale).result(_LONGEST_WAIT)
        except TimeoutError:
            raise GatewayError(
                Kind.TIMEOUT, "The token refresh takes too long; try again.", retry_after=5
            ) from None
        if error:
            raise _again(error, error.retry_after)

    def _refresh(self, stale: Token) -> "Future[GatewayError | None]":
        """The refresh under way, started if there is none. Its result is its error."""
        with self._guard:
            if self._flight:
                return self._flight
            flight: Future[GatewayError | None] = Future()
            if self._token.access_token != stale.access_token:  # came while waiting for the guard
                flight.set_result(None)
                return flight
            self._flight = flight
            try:
                threading.Thread(target=self._fly, args=(flight, stale), daemon=True).start()
            except RuntimeError:  # no more threads
                self._flight = None
                raise
            return flight

    def _fly(self, flight: "Future[GatewayError | None]", stale: Token) -> None:
        error: GatewayError | None = GatewayError(
            Kind.INTERNAL, "The token refresh broke off; the log says where."
        )
        try:
            self._renew(stale.access_token)
            error = None
        except GatewayError as failure:
            error = failure
        except Exception:
            log.exception("credential: account %s: the refresh broke off", self.account)
        finally:
            self._note(error)
            self._flight = None
            flight.set_result(error)

    def _renew(self, stale: str) -> None:
        """Get a token other than ``stale``, from another process or by a call."""
        with self._store.lease(self.login):
            for _ in range(_ATTEMPTS):
                login, grant = self._newest()
                if self._is_fresh(login, grant, stale):
                    return self._adopt(login, grant)
                try:
                    fresh = self._refresher.refresh(login, grant)
                    self._store.save(login, fresh)
                except SourceChanged:
                    log.info("credential: account %s: somebody logged in anew", self.account)
                except GatewayError as error:
                    self._raise_unless_outrun(error, grant)
                else:
                    log.info("credential: account %s: token refreshed", self.account)
                    return self._adopt(login, fresh)
        raise GatewayError(
            Kind.UNAVAILABLE, f"The login in {self.login.source} changes all the time; try again."
        )

    def _newest(self) -> tuple[Login, Grant]:
        login = self._reread(self.login) or self.login
        return login, self._store.load(login)

    def _is_fresh(self, login: Login, grant: Grant, stale: str) -> bool:
        tier = policy.tier(login, grant, self._clock())
        return grant.access_token not in ("", stale) and tier is not Tier.REFRESH_FIRST

    def _raise_unless_outrun(self, error: GatewayError, used: Grant) -> None:
        """Raises the error of a refresh, unless the login is over only because another program has
        refreshed it meanwhile and the source has what came of that.
        """
        if error.kind is Kind.LOGIN_OVER:
            if self._newest()[1].refresh_token != used.refresh_token:
                return
            self._over = used.refresh_token
        raise error

    def _note(self, error: GatewayError | None) -> None:
        self._error = error
        if error is None:
            self._failures = 0
            return
        self._failures += 1
        self._retry_at = self._clock() + policy.backoff(self._failures, error.retry_after)
        log.warning("credential: account %s: refresh failed: %s", self.account, error.message)


def _again(error: GatewayError, retry_after: float | None) -> GatewayError:
    """An error of its own for each request, since raising one marks it with the request's stack."""
    return GatewayError(error.kind, error.message, code=error.code, retry_after=retry_after)
