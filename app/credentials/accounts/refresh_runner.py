"""Runs the refreshes of an account, one at a time for all greenlets of this process.

A refresh runs in its own thread (a greenlet under gevent), which is never cancelled: a request that
is abandoned while it waits must not lose the new refresh token. The thread keeps the context
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

from app.common.errors import GatewayError, Kind
from app.credentials import health, lineage
from app.credentials.model import Grant, Token, is_usable_profile
from app.credentials.refresh import policy
from app.credentials.store.interface import SourceChanged

from .state import AccountState, Dependencies

log = logging.getLogger("kiro2api.credentials")

_ATTEMPTS = 5  # if the login changes while it is refreshed
_GRACE = 2.0  # seconds that another program has to write down what its refresh returned
_GRACE_STEP = 0.05
_LONGEST_WAIT = 120.0  # longer than the lock, the refresh and the profile search can take

_REFUSALS = (Kind.LOGIN_OVER, Kind.UPSTREAM_ERROR)
"""What the service may answer to a refresh token that was replaced."""

RefreshTask: TypeAlias = "Future[GatewayError | None]"
"""A running refresh. Its result is its error, None if it succeeded."""


class Urgency(Enum):
    """How urgently a new token is needed."""

    LOOK = "adopt one that is stored, without a lease: cheap, and never waits for a refresh"
    ADOPT = "adopt one that another process has; do not refresh"
    AHEAD = "refresh, unless another host may be refreshing"
    NOW = "refresh"


class RefreshRunner:
    """``profile_asked_with`` is the access token that the last profile search used."""

    def __init__(self, state: AccountState, deps: Dependencies) -> None:
        self._state = state
        self._deps = deps
        self._guard = threading.Lock()
        self._task: RefreshTask | None = None
        self.profile_asked_with = ""

    def start(self, seen: Token, stale: str, urgency: Urgency = Urgency.NOW) -> RefreshTask:
        """The running refresh. Starts one if none runs and the token is still ``seen``.

        The refresh stops at any usable token that differs from ``stale``; "" accepts every token.
        """
        with self._guard:
            if self._task:
                return self._task
            task: RefreshTask = Future()
            if self._state.token.access_token != seen.access_token:
                task.set_result(None)
                return task
            self._task = task
            try:
                args = (self._run, task, stale, urgency)
                threading.Thread(target=copy_context().run, args=args, daemon=True).start()
            except RuntimeError:  # no more threads
                self._task = None
                raise
            return task

    def finish(self, timeout: float) -> None:
        """Wait for a running refresh: its result must be stored before the process ends."""
        if task := self._task:
            try:
                task.result(timeout)
            except TimeoutError:
                log.error(
                    "credential: account %s: the process ended before its refresh did",
                    self._state.name,
                )

    def _run(self, task: RefreshTask, stale: str, urgency: Urgency) -> None:
        error: GatewayError | None = GatewayError(
            Kind.INTERNAL, "The token refresh failed unexpectedly; see the log."
        )
        try:
            if urgency is Urgency.LOOK:
                self._state.adopt_newest()
            else:
                with self._deps.store.lease(self._state.login):
                    self._refresh(stale, urgency)
                    self._find_profile(stale)
            error = None
        except GatewayError as failure:
            error = failure
        except Exception:
            log.exception(
                "credential: account %s: the refresh failed unexpectedly", self._state.name
            )
        finally:
            self._task = None
            task.set_result(error)

    def _refresh(self, stale: str, urgency: Urgency) -> None:
        """Get a usable token other than ``stale``: from another process, or by a refresh."""
        state, deps = self._state, self._deps
        for _ in range(_ATTEMPTS):
            state.adopt_newest()
            if state.has_token_other_than(stale) or not self._may_call(urgency):
                return
            if error := state.refresh_block():
                raise error
            try:
                fresh = self._call_service()
                deps.store.save(state.login, fresh)
            except SourceChanged:
                log.info("credential: account %s: the user logged in again", state.name)
            except GatewayError as failure:
                if not self._lost_race(failure):
                    self._record_failure(failure)
                    raise
            else:
                self._adopt(fresh)
                return
        raise GatewayError(
            Kind.UNAVAILABLE,
            f"The login in {state.login.source} keeps changing; try again.",
        )

    def _call_service(self) -> Grant:
        """The grant that follows from this login. While nothing proves which of several refresh
        tokens is the newest, each is tried before the login counts as refused. It is over only if
        each was refused for good.
        """
        state, deps = self._state, self._deps
        found = deps.store.candidates(state.login)
        refusal: GatewayError | None = None
        for grant in [state.grant, *(one for one in found if one.token_id != state.grant.token_id)]:
            if refusal and not policy.refreshable(state.login, grant):
                continue
            try:
                fresh = deps.refresher.refresh(state.login, grant)
            except GatewayError as error:
                if error.kind not in _REFUSALS:
                    raise
                if refusal is None or refusal.kind is Kind.LOGIN_OVER:
                    refusal = error
            else:
                return lineage.succeeding(fresh, [grant, *found])
        assert refusal
        raise refusal

    def _may_call(self, urgency: Urgency) -> bool:
        if urgency is Urgency.AHEAD:
            return self._deps.store.is_in_sync(self._state.login)
        return urgency is Urgency.NOW

    def _adopt(self, fresh: Grant) -> None:
        now = self._deps.clock()
        self._state.update_health(lambda known: health.refreshed(known, fresh.token_id, now))
        self._state.adopt(self._state.login, fresh)
        self._deps.refreshes["ok"] += 1
        log.info("credential: account %s: token refreshed", self._state.name)

    def _lost_race(self, error: GatewayError) -> bool:
        """Whether a refresh was refused only because another program refreshed the login at the
        same time. That program may need a moment to write down its new tokens.
        """
        if error.kind not in _REFUSALS:
            return False
        spent = self._state.grant.refresh_token
        may_wait = error.kind is Kind.LOGIN_OVER and self._state.login.is_shared
        end = time.monotonic() + (_GRACE if may_wait else 0)
        while True:
            if self._state.newest()[1].refresh_token != spent:
                return True
            if time.monotonic() >= end:
                return False
            time.sleep(_GRACE_STEP)

    def _record_failure(self, error: GatewayError) -> None:
        now = self._deps.clock()
        over = error.kind is Kind.LOGIN_OVER and self._deps.store.is_in_sync(self._state.login)
        self._state.update_health(
            lambda known: health.refresh_failed(
                known,
                error,
                pause=policy.backoff(known.refresh_failures + 1, error.retry_after),
                over=over,
                refused=self._state.grant.token_id,
                now=now,
            )
        )
        self._deps.refreshes["over" if over else "failed"] += 1
        log.warning("credential: account %s: refresh failed: %s", self._state.name, error.message)

    def _find_profile(self, stale: str) -> None:
        """Find the profile after the token is stored, and store it with the token. An API key that
        was refused (``stale``) is looked up again, which tells whether it is over.
        """
        state, deps = self._state, self._deps
        self.profile_asked_with = state.grant.access_token
        if deps.control is None or not policy.needs_profile(state.login, state.grant, stale):
            return
        try:
            arn = deps.control.find_profile(
                state.grant.access_token, state.login.kind, state.login.region
            )
        except GatewayError as error:
            if error.kind is Kind.LOGIN_OVER:
                self._record_failure(error)
                raise
            log.warning("credential: account %s: no profile: %s", state.name, error.message)
            return
        if arn and is_usable_profile(arn):
            login, grant = state.newest()
            found = replace(grant, profile_arn=arn)
            if len(deps.store.candidates(login)) == 1:  # a save overwrites the others
                try:
                    deps.store.save(login, found)
                except SourceChanged:
                    return
            state.adopt(login, found)


def wait(task: RefreshTask) -> None:
    """Wait until the refresh is done. Raises its error."""
    try:
        error = task.result(_LONGEST_WAIT)
    except TimeoutError:
        raise GatewayError(
            Kind.TIMEOUT, "The token refresh takes too long; try again.", retry_after=5
        ) from None
    if error:  # a new error for each waiting request: raising adds the request's stack to it
        raise GatewayError(
            error.kind, error.message, code=error.code, retry_after=error.retry_after
        )
