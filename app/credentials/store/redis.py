"""The store of several hosts: Redis or Valkey, with the host's own files behind it.

The policy is the same as on one host. Between hosts a lock enforces it: the lock expires, and its
holder prolongs it while a refresh runs; a fencing token stops a holder that lost the lock from
overwriting newer data. What Redis holds is stored on the host as well, so that a login is not lost
with Redis and the Kiro IDE on this host continues with a valid token.

If Redis is unavailable, unexpired tokens are served, and a token that must be refreshed is
refreshed under the host's own lock and stored on the host. The host does not know what other hosts
did meanwhile, so it refreshes nothing ahead of time and treats no refused login as final.

When Redis is back (perhaps with older data than before), the grant that was refreshed last wins,
wherever it is: in Redis, in the files of a host, or in the memory of a process. Each grant names
those that it replaced (:mod:`app.credentials.lineage`). While nothing proves which one that is,
neither is overwritten until a refresh with one has worked.

A failover to old data is no error that a call could report. So every process looks once a second
whether Redis still holds what it held before; if it does not, the two are compared again.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from app.common.errors import GatewayError
from app.credentials import lineage
from app.credentials.entries import BadEntry
from app.credentials.health import AccountHealth
from app.credentials.model import Grant, Login, fingerprint

from . import records
from .background import Background
from .files import FileStore
from .interface import LEASE_TIMEOUT, SourceChanged, busy_error
from .redis_backend import Mark, RedisBackend, RedisUnavailable
from .redis_health import SharedHealth

log = logging.getLogger("kiro2api.credentials")

_SYNC_INTERVAL = 1.0
_CLOSE_TIMEOUT = 3.0  # longer than a call to Redis may take


class _Lease(NamedTuple):
    """The name of the login in Redis, and the fencing token."""

    root: str
    fence: int


class RedisStore:
    """A :class:`~app.credentials.store.interface.TokenStore` over one Redis.

    ``_roots`` maps the fingerprint of a refresh token to the root of its login. By account,
    ``_leases`` holds the leases of this process (None for one that Redis did not grant),
    ``_unsettled`` the logins for which Redis and this host may differ, and ``_marks`` what Redis
    held when they were compared last.
    """

    def __init__(
        self,
        backend: RedisBackend,
        local: FileStore,
        *,
        lease_timeout: float = LEASE_TIMEOUT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backend = backend
        self._local = local
        self._health = SharedHealth(backend, local, self._known_root)
        self._lease_timeout = lease_timeout
        self._now = now
        self._roots: dict[str, str] = {}
        self._leases: dict[str, _Lease | None] = {}
        self._unsettled: dict[str, Login] = {}
        self._marks: dict[str, Mark] = {}
        self._logins: dict[str, Login] = {}
        self._syncing = threading.Lock()
        self._sync_at = 0.0
        self._background = Background(self._sync, self._is_sync_due, interval=_SYNC_INTERVAL)
        self._logged_problem = ""

    def load(self, login: Login) -> Grant:
        return self.candidates(login)[0]

    def candidates(self, login: Login) -> list[Grant]:
        local = self._local.stored(login)
        try:
            shared = self._shared_grants(login, self._root(login))
        except RedisUnavailable:
            self._log_problem()
            self._leave_unsettled(login)
            return self._local.candidates(login)
        held = [*local, *shared]
        found = lineage.candidates([*held, *self._local.remembered(login, held)])
        if len(found) == 1:
            newest = found[0]
            self._local.remember(login, newest)
            redis_lacks_it = newest.generation and not lineage.holds(shared, newest)
            if redis_lacks_it or not lineage.holds(local, newest):
                self._leave_unsettled(login)
        return found

    @contextlib.contextmanager
    def lease(self, login: Login) -> Iterator[None]:
        with self._local.lease(login), contextlib.ExitStack() as stack:
            lease = None
            try:
                root = self._root(login)
                fence = stack.enter_context(self._backend.lease(root, self._lease_timeout))
                self._health.sync([login])  # perhaps another host was refused just now
                self._reconcile(login, root, _Lease(root, fence))
                lease = _Lease(root, fence)
            except TimeoutError:
                raise busy_error("Redis", self._lease_timeout) from None
            except RedisUnavailable:
                self._leave_unsettled(login)
            self._log_problem()
            self._leases[login.account] = lease
            stack.callback(self._leases.pop, login.account, None)
            yield

    def save(self, login: Login, grant: Grant) -> None:
        lease, is_stored = self._leases.get(login.account), False
        if lease:
            self._roots[lineage.name(grant)] = lease.root
            with contextlib.suppress(RedisUnavailable):
                is_stored = self._push(login, grant, lease)
        if not is_stored:  # what Redis holds is a candidate beside it until one has worked
            self._leave_unsettled(login)
            self._log_problem()
        self._local.save(login, grant)

    def forget(self, login: Login) -> None:
        with contextlib.suppress(RedisUnavailable):
            self._backend.forget(self._root(login))
        self._local.forget(login)

    def health(self, login: Login) -> AccountHealth:
        self._logins[login.account] = login
        self._background.start()
        if self._now() >= self._sync_at and not self._syncing.locked():
            threading.Thread(target=self._sync, name="sync", daemon=True).start()
        return self._health.read(login)

    def update_health(
        self, login: Login, change: Callable[[AccountHealth], AccountHealth]
    ) -> AccountHealth:
        return self._health.update(login, change)

    def sync(self) -> None:
        self._sync(waits=True)

    def is_in_sync(self, login: Login) -> bool:
        if login.account in self._leases:
            return self._leases[login.account] is not None
        return self._backend.is_available() and login.account not in self._unsettled

    def problems(self) -> list[str]:
        problem = self._problem()
        return self._local.problems() + ([problem] if problem else [])

    def close(self) -> None:
        if self._background.stop() and self._syncing.acquire(timeout=_CLOSE_TIMEOUT):
            self._backend.close()  # nothing is synced any more: the lock is kept

    def _known_root(self, login: Login) -> str:
        """As :meth:`_root`, but without a call if this process knows the name."""
        return self._roots.get(fingerprint(login.secret)) or self._root(login)

    def _root(self, login: Login) -> str:
        """The name of the login in Redis. Raises RedisUnavailable."""
        names = [fingerprint(login.secret), *self._local.ancestors(login)]
        for grant in self._local.remembered(login):
            names += lineage.names(grant)
        if known := self._roots.get(names[0]):
            names.append(known)
        root = self._roots[names[0]] = self._backend.root(list(dict.fromkeys(names)))
        return root

    def _shared_grants(self, login: Login, root: str) -> list[Grant]:
        """The grant in Redis, [] if there is no usable one. Raises RedisUnavailable."""
        (mark,) = self._backend.marks([root])
        record = self._backend.grant(root)
        self._marks[login.account] = mark
        if record is None:
            return []
        try:
            grant = records.decode(record, "the record in Redis")
        except BadEntry as problem:
            log.error("credential: account %s: %s", login.account, problem)
            return []
        # earlier versions stored no ancestors; the root is the first of them
        return [grant if grant.ancestors else lineage.with_ancestors(grant, [root])]

    def _push(self, login: Login, grant: Grant, lease: _Lease) -> bool:
        """False if the holder of a later lease has stored what ``grant`` does not replace."""
        names = lineage.names(grant)
        if not self._backend.save(lease.root, names, records.encode(grant), lease.fence):
            return False
        # not read back: old data that is there already must be noticed as a change
        alias = self._marks[login.account].alias if login.account in self._marks else None
        self._marks[login.account] = Mark(lease.root, names[0].encode(), alias)
        return True

    def _settle(self, login: Login) -> None:
        """Compare the two, holding no lock of Redis if only this host has to change."""
        with self._local.lease(login):
            self._reconcile(login, self._root(login), None)
        if login.account in self._unsettled:
            with self.lease(login):
                pass

    def _reconcile(self, login: Login, root: str, lease: _Lease | None) -> None:
        """Make Redis and this host hold the same grant, if it is proved to be the newest. Needs the
        lease of the host; without ``lease``, Redis is not changed. Raises RedisUnavailable.
        """
        local, shared = self._local.stored(login), self._shared_grants(login, root)
        held = [*local, *shared]
        newest, *others = lineage.candidates([*held, *self._local.remembered(login, held)])
        is_settled = True
        if others:
            log.info(
                "credential: account %s: Redis and this host hold different tokens; both are kept "
                "until one of them has worked",
                login.account,
            )
        else:
            self._local.remember(login, newest)
            if newest.generation and not lineage.holds(shared, newest):
                is_settled = lease is not None and self._push(login, newest, lease)
            if not lineage.holds(local, newest):
                with contextlib.suppress(SourceChanged):
                    self._local.save(login, newest)
        if is_settled:
            self._unsettled.pop(login.account, None)

    def _leave_unsettled(self, login: Login) -> None:
        """Compare with Redis in the background, as soon as that is possible."""
        self._unsettled[login.account] = login
        self._background.start()

    def _is_sync_due(self) -> bool:
        """Other hosts wait for what Redis has missed, even if no request comes to this one."""
        return bool(self._unsettled) or self._now() >= self._sync_at

    def _sync(self, *, waits: bool = False) -> None:
        """Fetch the health of all accounts, find what has changed, settle what can be settled.
        ``waits``: also for another one that is under way, which may know fewer accounts.
        """
        if not self._syncing.acquire(blocking=waits):
            return
        try:
            self._backend.check()  # a timeout must not hold the locks of the host
            self._health.sync(list(self._logins.values()))
            self._compare(list(self._logins.values()))
            for login in list(self._unsettled.values()):
                self._settle(login)
        except (RedisUnavailable, GatewayError):
            pass  # try again at the next sync
        finally:
            self._log_problem()
            self._sync_at = self._now() + _SYNC_INTERVAL
            self._syncing.release()

    def _compare(self, logins: Sequence[Login]) -> None:
        """Compare those logins with Redis for which it holds something else than before."""
        roots = [self._known_root(login) for login in logins]
        for login, mark in zip(logins, self._backend.marks(roots), strict=True):
            if login.path and not login.path.exists():  # logged out: store nothing of it again
                self._logins.pop(login.account, None)
                self._unsettled.pop(login.account, None)
            elif mark != self._marks.get(login.account, mark):
                self.candidates(login)

    def _log_problem(self) -> None:
        problem = self._problem()
        if problem == self._logged_problem:
            return
        self._logged_problem = problem
        if problem:
            log.error("credential: %s", problem)
        else:
            log.info("credential: KIRO_TOKEN_STORE can be used again")

    def _problem(self) -> str:
        """Why Redis cannot be used, "" if it can."""
        if self._backend.is_available():
            return ""
        return (
            f"KIRO_TOKEN_STORE cannot be used ({self._backend.problem}); tokens are shared on this "
            "host only"
        )
