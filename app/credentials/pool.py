"""The credentials of the process: which account serves a request, and what an error means for it.

The one door of this package. A request asks :meth:`Credentials.token`, sends it, and tells what
became of it: :meth:`~Credentials.accepted`, :meth:`~Credentials.refused` or
:meth:`~Credentials.failed`.

Several accounts of the same owner are there for failover. They are used in the order given; a
conversation stays with the account that served it first, in this process, as long as that may be
used. An account that is parked is tried again by one request at a time. No account is created, none
is disguised, and one that is suspended stays out.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from app.credentials.accounts.managed import Keeper
from app.credentials.accounts.report import AccountReport, report
from app.credentials.accounts.state import ControlPlane, Tools
from app.credentials.refresh.refresher import Refresher
from app.credentials.sources.documents import Source
from app.credentials.sources.watcher import Watch
from app.credentials.store.files import TokenStore
from app.errors import GatewayError, Kind

from . import assembly, health
from .health import CONSEQUENCES, Others, Use
from .model import Login, Token
from .sources import chain

if TYPE_CHECKING:
    from app.settings import Settings

log = logging.getLogger("kiro2api.credentials")

_SESSIONS = 10_000


class Credentials:
    """All accounts of one source. One for each process, shared by its greenlets."""

    def __init__(
        self,
        candidates: Iterable[Source],
        *,
        store: TokenStore,
        refresher: Refresher,
        control: ControlPlane | None = None,
        clock: Callable[[], float] = time.time,
        checked: bool = False,
    ) -> None:
        """Reads the sources. Raises GatewayError NO_CREDENTIAL if none holds a usable login.

        ``checked``: another process has done so and told the choice in the log. This one neither
        repeats that, nor fails for a file that happens to be half written at this moment.
        """
        self._watch = Watch(candidates, clock, announce=not checked)
        self._tools = Tools(store, refresher, self._watch.reread, clock, control)
        self._source: Source | None = None
        self._keepers: dict[str, Keeper] = {}
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._look()
        if not self._keepers and not checked:
            raise chain.no_credential(self._watch.complaints)

    @classmethod
    def from_settings(
        cls,
        settings: "Settings",
        *,
        control: ControlPlane | None = None,
        clock: Callable[[], float] = time.time,
        checked: bool = False,
    ) -> "Credentials":
        """The credentials that the settings name; the rest as for the class."""
        return cls(
            chain.from_settings(settings),
            store=assembly.store(settings),
            refresher=assembly.refresher(settings, clock),
            control=control,
            clock=clock,
            checked=checked,
        )

    def token(self, session: str = "") -> Token:
        """A token fit to be used now, of the account that serves this conversation.

        Waits for the one refresh if the token has expired. Raises GatewayError: LOGIN_OVER with
        what to run, NO_CREDENTIAL, the passing failure of a refresh, or, when no account may be
        used, what is held against the one that comes back first, with the time until then.
        """
        self._look()
        token = self._pick(session, frozenset())
        if token is None:
            raise self._all_parked()
        self._remember(session, token.account)
        return token

    def accepted(self, token: Token) -> None:
        """The upstream took the token. Call it once for each request."""
        if keeper := self._keepers.get(token.account):
            keeper.accepted(token)

    def refused(self, token: Token, error: GatewayError) -> Token | None:
        """The upstream refused the token (REFUSED_TOKEN): the one to try once more with, None if no
        retry makes sense. Raises GatewayError where a refresh would help but fails.
        """
        keeper = self._keepers.get(token.account)
        failure = error
        if keeper:
            try:
                if fresh := keeper.refused(token):
                    return _for_request(fresh, token.session, token.tried)
            except GatewayError as refresh_failure:
                failure = refresh_failure
        instead = self.failed(token, error)
        if instead is None and failure is not error:
            raise failure
        return instead

    def failed(self, token: Token, error: GatewayError) -> Token | None:
        """The upstream failed the request: the token of another account to try instead, None if
        nobody else should be tried.
        """
        row = CONSEQUENCES.get(error.kind)
        keeper = self._keepers.get(token.account)
        if row is None or keeper is None:
            return None
        if row.mode:
            keeper.failed(error)
            log.warning("credential: account %s: %s", token.account, error.message)
        if row.others is Others.NONE or (row.others is Others.ONE and token.tried):
            return None
        try:
            instead = self._pick(token.session, token.tried | {token.account})
        except GatewayError:
            return None
        if instead and row.mode:
            self._remember(token.session, instead.account)
        return instead

    def problems(self) -> list[str]:
        """What the owner should repair although requests still work, in sentences."""
        return self._watch.complaints + self._tools.store.problems()

    def report(self) -> list[AccountReport]:
        """What there is to say of each account, in order; nothing secret."""
        self._look()
        now = self._tools.clock()
        return [report(keeper.account, now) for keeper in self._keepers.values()]

    def ask_quotas(self, *, older_than: float) -> None:
        """Ask the upstream for each quota that was not asked for so many seconds. Waits."""
        now = self._tools.clock()
        for keeper in self._keepers.values():
            if now - keeper.account.standing.quota_at > older_than:
                keeper.ask_quota()

    def clear(self, account: str) -> bool:
        """Forget what is held against an account; False if there is no such account."""
        keeper = self._keepers.get(account)
        if keeper:
            keeper.account.amend(health.cleared)
        return keeper is not None

    def close(self, timeout: float = 15) -> None:
        """Finish the refreshes under way, whose answers must not be lost."""
        end = time.monotonic() + timeout
        for keeper in self._keepers.values():
            keeper.settle(max(0.0, end - time.monotonic()))
        self._tools.refresher.close()
        self._tools.store.close()

    def _pick(self, session: str, tried: frozenset[str]) -> Token | None:
        """The token of the best account that was not tried, None if all are parked.

        Raises GatewayError if there are some whose token cannot be refreshed.
        """
        failure: GatewayError | None = None
        for keeper, is_probe in self._usable(session, tried):
            try:
                return _for_request(keeper.token(), session, tried, is_probe=is_probe)
            except GatewayError as error:
                failure = failure or error
        if failure:
            raise failure
        return None

    def _usable(self, session: str, tried: frozenset[str]) -> Iterator[tuple[Keeper, bool]]:
        """Accounts in the order in which to try them, and whether it is to probe one."""
        last = []
        for keeper in self._in_order(session):
            use = Use.NOT if keeper.account.name in tried else keeper.use()
            if use is Use.NOW:
                yield keeper, False
            elif use is Use.PROBE and keeper.claim_probe():
                yield keeper, True
            elif use is Use.LAST:
                last.append(keeper)
        last.sort(key=lambda keeper: keeper.account.standing.until)
        yield from ((keeper, False) for keeper in last)

    def _in_order(self, session: str) -> Iterable[Keeper]:
        """That of the conversation first, then as they were given."""
        keepers = list(self._keepers.values())
        own = self._keepers.get(self._sessions.get(session, ""))
        return keepers if own is None else [own, *(other for other in keepers if other is not own)]

    def _remember(self, session: str, account: str) -> None:
        if session and len(self._keepers) > 1:
            self._sessions[session] = account
            self._sessions.move_to_end(session)
            if len(self._sessions) > _SESSIONS:
                self._sessions.popitem(last=False)

    def _all_parked(self) -> GatewayError:
        """What is held against the account that comes back first."""
        known = [keeper.account.standing for keeper in self._keepers.values()]
        if not known:
            return chain.no_credential(self._watch.complaints)
        first = min(known, key=lambda one: (one.mode == "out", one.until))
        why = first.why
        if len(known) > 1:
            why = (
                f"None of the {len(known)} accounts can be used now. The first to come back: {why}"
            )
        after = health.back_in(first, self._tools.clock())
        return GatewayError(first.kind or Kind.UNAVAILABLE, why, retry_after=after)

    def _look(self) -> None:
        """Take up what changed in the sources, and what other workers know."""
        if not self._watch.is_time():
            return
        if choice := self._watch.news():
            self._take(choice)
        for keeper in self._keepers.values():
            keeper.look_around()

    def _take(self, choice: chain.Choice) -> None:
        keepers: dict[str, Keeper] = {}
        for login in choice.found.logins:
            try:
                keepers[login.account] = self._keeper(login)
            except GatewayError as error:  # a record that must not be passed over
                choice.found.problems.append(error.message)
        self._watch.tell(choice)
        if self._keepers and choice.found.problems and choice.source is not self._source:
            return  # perhaps half written: what was read before stays in use
        self._source = choice.source
        self._keepers = keepers

    def _keeper(self, login: Login) -> Keeper:
        keeper = self._keepers.get(login.account)
        if keeper is None:
            return Keeper(login, self._tools)
        keeper.source_changed(login)
        return keeper


def _for_request(
    token: Token, session: str, tried: frozenset[str], *, is_probe: bool = False
) -> Token:
    if not (session or tried or is_probe):
        return token
    return replace(token, session=session, tried=tried, is_probe=is_probe)
