"""The one refresh of an account at a time, for all greenlets of this process.

It runs in a thread of its own (a greenlet under gevent), which nobody cancels: a request that is
given up while it waits must not take a new refresh token with it. The thread keeps the context
variables of the request that started it, by which its log lines carry the request's id.
"""

import logging
import threading
import time
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import replace
from enum import Enum
from typing import TypeAlias

from app.credentials import health
from app.credentials.model import Grant, Token, is_usable_profile
from app.credentials.refresh import policy
from app.credentials.store.records import SourceChanged
from app.errors import GatewayError, Kind

from .account import Account, Tools

log = logging.getLogger("kiro2api.credentials")

_ATTEMPTS = 3  # at a login that changes while it is refreshed
_GRACE = 2.0  # for another program between its refresh and its writing
_GRACE_STEP = 0.05
_LONGEST_WAIT = 120.0  # above what a lock, a refresh and the search for a profile may take

Flight: TypeAlias = "Future[GatewayError | None]"
"""A refresh under way; its result is its error."""


class Need(Enum):
    """How much a new token is wanted."""

    LOOK = "take one that another process has"
    AHEAD = "refresh, unless another host may be doing so"
    NOW = "refresh"


class Renewal:
    """``asked_profile_of``: the access token with which the profile was last looked for."""

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account = account
        self._tools = tools
        self._guard = threading.Lock()
        self._flight: Flight | None = None
        self.asked_profile_of = ""

    def start(self, seen: Token, stale: str, need: Need = Need.NOW) -> Flight:
        """The refresh under way, started if there is none and the token is still the one ``seen``.

        Any token fit for use but ``stale`` is good enough; "" refuses none.
        """
        with self._guard:
            if self._flight:
                return self._flight
            flight: Flight = Future()
            if self._account.token.access_token != seen.access_token:
                flight.set_result(None)
                return flight
            self._flight = flight
            try:
                args = (self._fly, flight, stale, need)
                threading.Thread(target=copy_context().run, args=args, daemon=True).start()
            except RuntimeError:  # no more threads
                self._flight = None
                raise
            return flight

    def finish(self, timeout: float) -> None:
        """Wait for the refresh under way: its answer must be kept before the process ends."""
        if flight := self._flight:
            try:
                flight.result(timeout)
            except TimeoutError:
                log.error(
                    "credential: account %s: a refresh was cut off at the end", self._account.name
                )

    def _fly(self, flight: Flight, stale: str, need: Need) -> None:
        error: GatewayError | None = GatewayError(
            Kind.INTERNAL, "The token refresh broke off; the log says where."
        )
        try:
            with self._tools.store.lease(self._account.login):
                self._renew(stale, need)
                self._find_profile()
            error = None
        except GatewayError as failure:
            error = failure
        except Exception:
            log.exception("credential: account %s: the refresh broke off", self._account.name)
        finally:
            self._flight = None
            flight.set_result(error)

    def _renew(self, stale: str, need: Need) -> None:
        """Get a fresh token other than ``stale``: another process may have one, else by a call."""
        account, tools = self._account, self._tools
        for _ in range(_ATTEMPTS):
            account.adopt_newest()
            may_call = need is Need.NOW or (need is Need.AHEAD and tools.store.knows_all())
            if account.is_better_than(stale) or not may_call:
                return
            if error := account.pause():
                raise error
            try:
                fresh = tools.refresher.refresh(account.login, account.grant)
                tools.store.save(account.login, fresh)
            except SourceChanged:
                log.info("credential: account %s: somebody logged in anew", account.name)
            except GatewayError as failure:
                if not self._was_outrun(failure):
                    self._note(failure)
                    raise
            else:
                self._take(fresh)
                return
        raise GatewayError(
            Kind.UNAVAILABLE,
            f"The login in {account.login.source} changes all the time; try again.",
        )

    def _take(self, fresh: Grant) -> None:
        now = self._tools.clock()
        self._account.amend(lambda known: health.refreshed(known, fresh.mark, now))
        self._account.adopt(self._account.login, fresh)
        log.info("credential: account %s: token refreshed", self._account.name)

    def _was_outrun(self, error: GatewayError) -> bool:
        """Whether a refresh was refused only because another program did it meanwhile. That one may
        need a moment to write down what it got.
        """
        if error.kind is not Kind.LOGIN_OVER:
            return False
        spent = self._account.grant.refresh_token
        end = time.monotonic() + (_GRACE if self._account.login.is_shared else 0)
        while True:
            if self._account.newest()[1].refresh_token != spent:
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(_GRACE_STEP)

    def _note(self, error: GatewayError) -> None:
        now = self._tools.clock()
        over = error.kind is Kind.LOGIN_OVER and self._tools.store.knows_all()
        self._account.amend(
            lambda known: health.refresh_failed(
                known,
                error,
                pause=policy.backoff(known.refresh_failures + 1, error.retry_after),
                over=over,
                now=now,
            )
        )
        log.warning("credential: account %s: refresh failed: %s", self._account.name, error.message)

    def _find_profile(self) -> None:
        """After the token is safe: a profile that is found is kept with it."""
        account, tools = self._account, self._tools
        self.asked_profile_of = account.grant.access_token
        if tools.control is None or not policy.wants_profile(account.login, account.grant):
            return
        try:
            arn = tools.control.find_profile(account.grant.access_token, account.login.kind)
        except GatewayError as error:
            log.warning("credential: account %s: no profile: %s", account.name, error.message)
            return
        if arn and is_usable_profile(arn):
            login, grant = account.newest()
            found = replace(grant, profile_arn=arn)
            try:
                tools.store.save(login, found)
            except SourceChanged:
                return
            account.adopt(login, found)


def wait(flight: Flight) -> None:
    """Until the refresh is done. Raises its error."""
    try:
        error = flight.result(_LONGEST_WAIT)
    except TimeoutError:
        raise GatewayError(
            Kind.TIMEOUT, "The token refresh takes too long; try again.", retry_after=5
        ) from None
    if error:  # each who waited raises its own: raising marks it with the request's stack
        raise GatewayError(
            error.kind, error.message, code=error.code, retry_after=error.retry_after
        )
