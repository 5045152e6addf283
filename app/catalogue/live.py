"""Keeps the models of the accounts up to date, beside the requests and never in their way.

A greenlet of each worker looks at the records on the shelf every few seconds. If one is due, the
worker whose turn it is asks the service; the others find the answer on the shelf. A list is due

- when the server starts or reloads (SIGHUP), which its workers know as ``since``;
- ``refresh`` seconds after it was read;
- when the service refuses a model that the list has, at most once a minute;
- a minute after a call that failed.

The last good list answers for a day, over a restart as well; without one, the table does.
"""

import logging
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Protocol

import gevent
from gevent.event import Event
from msgspec.structs import replace

from app.common.errors import GatewayError, Kind
from app.credentials import Credentials, Token
from app.models.catalogue import Catalogue

from .choice import ModelChoice
from .merged import Merged
from .record import NOTHING, RETRY, Record
from .shelf import Shelf

log = logging.getLogger("kiro2api.models")

LOOK_EVERY = 2.0
"""Seconds between two looks at the shelf."""

ENDING = 1.0
"""Seconds that a look under way may take to end when the worker stops."""

PATIENCE = 5.0
"""Seconds after the start for which refreshing an expired token and finding a profile are left to
the first request: it waits for them anyway, and its client hears why if they fail."""

_FOR_GOOD = (Kind.FORBIDDEN, Kind.SUSPENDED, Kind.LOGIN_OVER, Kind.NO_CREDENTIAL)
"""Why a call fails again a minute later."""

_LATER = 1800.0  # seconds until such a call is repeated all the same


class Lister(Protocol):
    """Asks the service for the models of an account. Both raise GatewayError."""

    def models(
        self, access_token: str, kind: str, profile_arn: str | None, region: str | None
    ) -> Catalogue:
        """All models, at least one."""

    def origin(self, region: str | None) -> str:
        """What the chat requests of an account name as their origin; its models depend on it."""


class LiveLists:
    """The lists of one worker's accounts. ``egress`` names the proxy to the service, since the
    service looks at where a call comes from. ``refresh``: seconds, 0 for never. ``since``: lists
    from before this moment are due.
    """

    def __init__(
        self,
        models: ModelChoice,
        credentials: Credentials,
        lister: Lister,
        shelf: Shelf,
        *,
        refresh: float,
        egress: str,
        since: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._models = models
        self._credentials = credentials
        self._lister = lister
        self._shelf = shelf
        self._refresh = refresh
        self._egress = egress
        self._clock = clock
        self._since = since
        self._doubted: dict[str, float] = {}  # by key, since when
        self._seen: dict[str, Record] = {}  # by account
        self._problems: dict[str, str] = {}  # by account, as logged
        self._patient_until = 0.0
        self._wake = Event()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin to look, in a greenlet of its own; returns at once."""
        self._models.on_doubt = self.doubt
        self._patient_until = self._clock() + PATIENCE
        self._greenlet = gevent.spawn(self._run)

    def close(self) -> None:
        """Stop looking, even in the middle of a call; nothing is lost by that."""
        if self._greenlet is not None:  # it may be reading from the shelf, which must still be open
            self._greenlet.kill(timeout=ENDING)
        self._shelf.close()

    def doubt(self, account: str) -> None:
        """The service refused the account a model that its list has: ask for the list again, now or
        a minute after it was last asked for.
        """
        self._doubted[account] = self._clock()
        self._wake.set()

    def records(self) -> Mapping[str, Record]:
        """What is known now, by account."""
        return self._seen

    def age(self) -> float | None:
        """Seconds since the oldest list in use was read; None without a list."""
        listed = [record.listed_at for record in self._seen.values() if record.catalogue]
        return max(0.0, self._clock() - min(listed)) if listed else None

    def look(self) -> None:
        """Take over what is on the shelf, and ask the service for what is due."""
        tokens = self._credentials.tokens()
        self._adopt({token.account: self._shelf.read(self._key(token)) for token in tokens})
        for token in tokens:
            record = self._seen[token.account]
            wanted = max(self._since, self._doubt(token.account, record))
            if self._is_due(record, wanted) and self._may_use(token):
                self._ask_in_turn(token, wanted)

    def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                self.look()
            except GatewayError as error:
                log.info("the models of the accounts are not known: %s", error.message)
            except Exception:  # a mistake here must not end the look-out for good
                log.exception("the models of the accounts could not be looked at")
            self._wake.wait(LOOK_EVERY)

    def _doubt(self, account: str, record: Record) -> float:
        """Since when the list is in doubt, 0 if it is not, or was asked for a moment ago."""
        is_young = 0 <= self._clock() - record.asked_at < RETRY
        return 0.0 if is_young else self._doubted.get(account, 0.0)

    def _may_use(self, token: Token) -> bool:
        """Whether the account may be asked now, although something has to be done for it first."""
        now = self._clock()
        is_ready = token.access_token and token.profile_arn and not 0 < token.expires_at <= now
        return bool(is_ready) or now >= self._patient_until

    def _is_due(self, record: Record, wanted: float) -> bool:
        return record.is_due(self._clock(), since=wanted, refresh=self._refresh)

    def _ask_in_turn(self, token: Token, wanted: float) -> None:
        key = self._key(token)
        with self._shelf.turn(key) as is_ours:
            if is_ours:
                record = self._renewed(token.account, key, wanted)
                self._adopt({**self._seen, token.account: record})

    def _renewed(self, account: str, key: str, wanted: float) -> Record:
        """The record as it is on the shelf, if another worker has renewed it meanwhile, or as the
        service gives it now. The key may change, since a profile is found with the first token.
        """
        record, now = self._shelf.read(key), self._clock()
        if not self._is_due(record, wanted):
            return record
        try:
            token = self._credentials.usable(account)
            key = self._key(token)
            record = self._shelf.read(key)
            if not self._is_due(record, wanted):
                return record
            record = Record(self._list(token), listed_at=now, asked_at=now)
        except GatewayError as error:
            retry = max(_LATER, self._refresh) if error.kind in _FOR_GOOD else RETRY
            record = replace(record, asked_at=now, problem=error.message, retry=retry)
        self._shelf.write(key, record)
        return record

    def _list(self, token: Token) -> Catalogue:
        """A refused token is replaced once."""
        try:
            return self._call(token)
        except GatewayError as error:
            if error.kind is not Kind.REFUSED_TOKEN:
                raise
            fresh = self._credentials.usable(token.account, instead_of=token)
            if fresh.access_token == token.access_token:
                raise
            return self._call(fresh)

    def _call(self, token: Token) -> Catalogue:
        return self._lister.models(token.access_token, token.kind, token.profile_arn, token.region)

    def _adopt(self, records: Mapping[str, Record]) -> None:
        """Use these records, by account."""
        if self._seen == records and list(self._seen) == list(records):
            self._expire()
            return
        for account, record in records.items():
            self._report(account, record)
        self._seen = dict(records)
        self._publish()

    def _expire(self) -> None:
        now = self._clock()
        lists = self._models.merged.lists
        if any(lists.get(name) and not one.good(now) for name, one in self._seen.items()):
            self._publish()

    def _publish(self) -> None:
        now = self._clock()
        self._models.use(Merged({name: one.good(now) for name, one in self._seen.items()}))

    def _report(self, account: str, record: Record) -> None:
        before = self._seen.get(account, NOTHING)
        if record.problem and record.problem != self._problems.get(account):
            log.warning(
                "account %s: the list of its models was not read: %s", account, record.problem
            )
        self._problems[account] = record.problem
        if record.catalogue and record.catalogue != before.catalogue:
            count = len(record.catalogue.models)
            log.info("account %s: the service lists %d models", account, count)

    def _key(self, token: Token) -> str:
        """The same for all processes that would get the same list. Accounts of several plans may
        share a profile: the service has one for all social logins.
        """
        whose = f"{token.account}|{token.profile_arn or ''}"
        try:
            origin = self._lister.origin(token.region)
        except GatewayError:  # no host serves this region, which the call will say
            origin = ""
        parts = "|".join((whose, token.region or "", origin, self._egress))
        return blake2b(parts.encode(), digest_size=16).hexdigest()
