"""The accounts of the process: which one serves a request, and what an error means for it.

A request takes a token from :meth:`Credentials.token`, sends it, and reports the result with
:meth:`~Credentials.accepted`, :meth:`~Credentials.refused` or :meth:`~Credentials.failed`.

Several accounts of the same owner provide failover. They are used in the configured order; within
a process, a conversation stays with the account that served it first, as long as that account may
be used. A parked account is probed by one request at a time. The gateway creates no accounts and
disguises none, and a suspended account stays out.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from app.common.errors import GatewayError, Kind
from app.credentials.accounts.managed import ManagedAccount
from app.credentials.accounts.readiness import first_to_return, why_none
from app.credentials.accounts.report import AccountReport, report
from app.credentials.accounts.state import ControlPlane, Dependencies
from app.credentials.refresh.refresher import Refresher
from app.credentials.sources.source import Source
from app.credentials.sources.watcher import SourceWatcher
from app.credentials.store.interface import TokenStore

from . import assembly, health
from .boot import Boot, this_boot
from .health import CONSEQUENCES, Availability, Failover
from .model import Login, Token
from .sessions import Sessions
from .sources import chain

if TYPE_CHECKING:
    from app.settings import Settings

log = logging.getLogger("kiro2api.credentials")

_NONE: frozenset[str] = frozenset()


class Credentials:
    """All accounts of one source. Each process has one instance, shared by its greenlets."""

    def __init__(
        self,
        sources: Iterable[Source],
        *,
        store: TokenStore,
        refresher: Refresher,
        control: ControlPlane | None = None,
        clock: Callable[[], float] = time.time,
        boot: Boot | None = None,
        checked: bool = False,
    ) -> None:
        """Reads the sources. Raises GatewayError NO_CREDENTIAL if none of them has a usable login.

        ``checked``: another process has already read the sources and logged the choice. This one
        does not log it again, and does not fail for a file that is half written at this moment.
        """
        self._watcher = SourceWatcher(sources, clock, announce=not checked)
        self._started_at = clock()
        self._deps = Dependencies(
            store, refresher, self._watcher.reread, clock, control, self._retry_from, boot
        )
        self._source: Source | None = None
        self._accounts: dict[str, ManagedAccount] = {}
        self._sessions = Sessions()
        self._poll_sources()
        if not self._accounts and not checked:
            raise chain.no_credential(self._watcher.problems)

    @classmethod
    def from_settings(
        cls,
        settings: "Settings",
        *,
        control: ControlPlane | None = None,
        clock: Callable[[], float] = time.time,
        checked: bool = False,
    ) -> "Credentials":
        """The credentials that the settings configure; the other parameters as for the class."""
        return cls(
            chain.from_settings(settings),
            store=assembly.store(settings),
            refresher=assembly.refresher(settings, clock),
            control=control,
            clock=clock,
            boot=this_boot(),
            checked=checked,
        )

    def token(self, session: str = "", lacking: frozenset[str] = _NONE) -> Token:
        """A usable token of the account that serves this conversation. The accounts ``lacking``
        what the request needs are not used, unless all of them lack it.

        Waits for the refresh if the token has expired. Raises GatewayError: LOGIN_OVER with the
        command to run, NO_CREDENTIAL, or the temporary failure of a refresh. If no account may be
        used, the error is what is held against the account that is available again first, with the
        time until then.
        """
        token, lacking = self._first(session, lacking)
        if not (
            lacking and self._sessions.account(session) in lacking
        ):  # it serves the other requests
            self._remember(session, token.account)
        return token

    def preview(self, session: str = "", lacking: frozenset[str] = _NONE) -> Token:
        """What :meth:`token` would return now, for a request that is not sent: no parked account is
        probed, and no conversation stays with the account.
        """
        return self._first(session, lacking, is_sent=False)[0]

    def _first(
        self, session: str, lacking: frozenset[str], *, is_sent: bool = True
    ) -> tuple[Token, frozenset[str]]:
        """The token for a first attempt, and the accounts that were left out for it."""
        self._poll_sources()
        if lacking and lacking.issuperset(self._accounts):
            lacking = _NONE
        token = self._pick(session, _NONE, lacking, is_sent=is_sent)
        if token is None:
            raise self._none_available(lacking)
        return token, lacking

    def accepted(self, token: Token) -> None:
        """The upstream accepted the token. Call this once for each request."""
        if account := self._accounts.get(token.account):
            account.accepted(token)

    def refused(self, token: Token, error: GatewayError) -> Token | None:
        """The upstream refused the token (REFUSED_TOKEN). Returns the token for one retry, None if
        no retry makes sense. Raises GatewayError if a refresh would help but fails.
        """
        account = self._accounts.get(token.account)
        failure = error
        if account:
            try:
                if fresh := account.refused(token):
                    return fresh.for_request(token.session, token.tried, token.lacking)
            except GatewayError as refresh_failure:
                failure = refresh_failure
        instead = self.failed(token, error)
        if instead is None and failure is not error:
            raise failure
        return instead

    def failed(self, token: Token, error: GatewayError) -> Token | None:
        """The upstream failed the request. Returns the token of another account to try instead,
        None if no other account should be tried.
        """
        row = CONSEQUENCES.get(error.kind)
        account = self._accounts.get(token.account)
        if row is None or account is None:
            return None
        if row.mode:
            account.failed(error)
            log.warning("credential: account %s: %s", token.account, error.message)
        if row.failover is Failover.NONE or (row.failover is Failover.ONE and token.tried):
            return None
        try:
            tried = token.tried | {token.account}
            instead = self._pick(token.session, tried, token.lacking)
        except GatewayError:
            return None
        if instead and row.mode:
            self._remember(token.session, instead.account)
        return instead

    def tokens(self) -> list[Token]:
        """The present token of each account, in order. It may have expired, and is "" before the
        first refresh; asks nobody.
        """
        return [account.state.token for account in self._accounts.values()]

    def usable(self, account: str, instead_of: Token | None = None) -> Token:
        """A token of this account for a call to the control plane; one that was refused there is
        replaced if that can help. Waits for a refresh; nothing is held against the account.

        Raises GatewayError, also for an account that stays out.
        """
        managed = self._accounts.get(account)
        if managed is None:
            raise GatewayError(Kind.NO_CREDENTIAL, f"There is no account {account}.")
        if managed.state.health.mode == "out":
            known = managed.state.health
            raise GatewayError(known.kind or Kind.UNAVAILABLE, known.why)
        if instead_of is None:
            return managed.token()
        return managed.refused(instead_of) or instead_of

    def problems(self) -> list[str]:
        """What the owner should repair although requests still work, in sentences."""
        return self._watcher.problems + self._deps.store.problems()

    def store_problems(self) -> list[str]:
        """Those of them that keep refreshed tokens from being kept and shared."""
        return self._deps.store.problems()

    def why_unready(self) -> str:
        """The kind of the reason for which no account can serve now, "" if one may. Asks nobody."""
        self._poll_sources()
        return why_none([account.state for account in self._accounts.values()], self._deps.clock())

    @property
    def refreshes(self) -> Mapping[str, int]:
        """The refreshes of this process by outcome: ``ok``, ``failed``, ``over``."""
        return self._deps.refreshes

    def report(self) -> list[AccountReport]:
        """A report on each account, in order; contains no secrets."""
        self._poll_sources()
        now = self._deps.clock()
        return [report(account.state, now) for account in self._accounts.values()]

    def sync(self) -> None:
        """Fetch what other hosts know of the accounts: a process that has only begun knows no more
        than its own host. Waits.
        """
        self._deps.store.sync()
        for account in self._accounts.values():
            account.state.sync_health()

    def ask_quotas(self, *, older_than: float) -> None:
        """Query each quota whose last query is more than ``older_than`` seconds ago. Waits."""
        now = self._deps.clock()
        for account in self._accounts.values():
            if now - account.state.health.quota_at > older_than:
                account.ask_quota()

    def check(self) -> None:
        """Find out whether each account works that does not stay out, without cost. Waits."""
        for account in self._accounts.values():
            if account.state.health.mode != "out":
                account.check()

    def clear(self, name: str) -> bool:
        """Clear what is held against an account; False if there is no such account."""
        account = self._accounts.get(name)
        if account:
            account.state.update_health(health.cleared)
        return account is not None

    def close(self, timeout: float = 15) -> None:
        """Wait for running refreshes, whose results must not be lost, and close connections."""
        end = time.monotonic() + timeout
        for account in self._accounts.values():
            account.finish_refresh(max(0.0, end - time.monotonic()))
        self._deps.refresher.close()
        self._deps.store.close()

    def _pick(
        self,
        session: str,
        tried: frozenset[str],
        lacking: frozenset[str],
        *,
        is_sent: bool = True,
    ) -> Token | None:
        """The token of the best account that was not tried, None if no account may be used.
        ``is_sent``: as for :meth:`_candidates`.

        Raises GatewayError if some accounts may be used but their tokens cannot be refreshed.
        """
        failure: GatewayError | None = None
        for account, is_probe in self._candidates(session, tried | lacking, is_sent):
            try:
                token = account.token()
                return token.for_request(session, tried, lacking, is_probe=is_probe)
            except GatewayError as error:
                failure = failure or error
        if failure:
            raise failure
        return None

    def _candidates(
        self, session: str, excluded: frozenset[str], is_sent: bool
    ) -> Iterator[tuple[ManagedAccount, bool]]:
        """The accounts in the order to try them, each with whether the request probes it. One that
        is not sent claims no probe.
        """
        last = []
        for account in self._in_order(session):
            if account.state.name in excluded:
                continue
            availability = account.availability()
            if availability is Availability.READY:
                yield account, False
            elif availability is Availability.PROBE and (not is_sent or account.claim_probe()):
                yield account, True
            elif availability is Availability.LAST_RESORT:
                last.append(account)
        last.sort(key=lambda account: account.state.health.until)
        yield from ((account, False) for account in last)

    def _in_order(self, session: str) -> Iterable[ManagedAccount]:
        """The account of the conversation first, then the others in the configured order."""
        accounts = list(self._accounts.values())
        own = self._accounts.get(self._sessions.account(session))
        if own is None:
            return accounts
        return [own, *(other for other in accounts if other is not own)]

    def _remember(self, session: str, account: str) -> None:
        if len(self._accounts) > 1:
            self._sessions.remember(session, account)

    def _none_available(self, lacking: frozenset[str]) -> GatewayError:
        """The error that is held against the account that is available again first."""
        able = [one for name, one in self._accounts.items() if name not in lacking]
        known = [account.state.health for account in able]
        if not known:
            return chain.no_credential(self._watcher.problems)
        return first_to_return(known, self._deps.clock(), of_model=bool(lacking))

    def _poll_sources(self) -> None:
        """Take over changes of the sources and what other workers know, once per interval."""
        if not self._watcher.is_due():
            return
        if choice := self._watcher.poll():
            self._use_choice(choice)
        for account in self._accounts.values():
            account.sync()

    def _use_choice(self, choice: chain.Choice) -> None:
        accounts: dict[str, ManagedAccount] = {}
        for login in choice.result.logins:
            try:
                accounts[login.account] = self._managed(login)
            except GatewayError as error:  # a record that must not be skipped
                choice.result.problems.append(error.message)
        self._watcher.log_choice(choice)
        if self._accounts and choice.result.problems and choice.source is not self._source:
            return  # perhaps half written: keep using what was read before
        self._source = choice.source
        self._accounts = accounts

    def _retry_from(self) -> float:
        """A login that was found to be over before this moment is tried once more."""
        touched = self._watcher.touched_at
        return max(self._started_at, touched if touched <= self._deps.clock() else 0.0)

    def _managed(self, login: Login) -> ManagedAccount:
        account = self._accounts.get(login.account)
        if account is None:
            return ManagedAccount(login, self._deps)
        account.source_changed(login)
        return account
