"""The store of several hosts: Redis or Valkey, with the host's own files behind it.

The policy is the same as on one host. Between hosts a lock enforces it: the lock expires, and its
holder prolongs it while a refresh runs; a fencing token stops a holder that lost the lock from
overwriting newer data. What Redis holds is stored on the host as well, so that a login is not lost
with Redis and the Kiro IDE on this host continues with a valid token.

If Redis is unavailable, unexpired tokens are served, and a token that must be refreshed is
refreshed under the host's own lock and stored on the host. The host does not know what other hosts
did meanwhile, so it refreshes nothing ahead of time and treats no refused login as final.

When Redis is back (perhaps with older data than before), the grant that was refreshed last wins,
wherever it is: each grant names those that it replaced (:mod:`app.credentials.lineage`). While
nothing proves which one that is, neither is overwritten until a refresh with one has worked.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from app.credentials import lineage
from app.credentials.entries import BadEntry
from app.credentials.health import AccountHealth
from app.credentials.model import Grant, Login, fingerprint
from app.errors import GatewayError

from . import records
from .files import FileStore
from .interface import LEASE_TIMEOUT, SourceChanged, busy_error
from .redis_backend import RedisBackend, RedisUnavailable
from .redis_health import SharedHealth

log = logging.getLogger("kiro2api.credentials")

_SYNC_INTERVAL = 1.0
_CLOSE_TIMEOUT = 3.0  # longer than a call to Redis may take


class _Lease(NamedTuple):
    """The name of the login in Redis, and the fencing token."""

    root: str
    fence: int


class _Unsettled(NamedTuple):
    """A login for which Redis and this host may differ; ``grant`` if Redis has missed one."""

    login: Login
    grant: Grant | None


class RedisStore:
    """A :class:`~app.credentials.store.interface.TokenStore` over one Redis.

    ``_roots`` maps the fingerprint of a refresh token to the root of its login. By account,
    ``_leases`` holds the leases of this process (None for one that Redis did not grant), and
    ``_unsettled`` what is to be compared with Redis in the background.
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
        self._health = SharedHealth(backend, local, self._root)
        self._lease_timeout = lease_timeout
        self._now = now
        self._roots: dict[str, str] = {}
        self._leases: dict[str, _Lease | None] = {}
        self._unsettled: dict[str, _Unsettled] = {}
        self._logins: dict[str, Login] = {}
        self._syncing = threading.Lock()
        self._sync_at = 0.0
        self._settler: threading.Thread | None = None
        self._closed = threading.Event()
        self._logged_problem = ""

    def load(self, login: Login) -> Grant:
        return self.candidates(login)[0]

    def candidates(self, login: Login) -> list[Grant]:
        local = self._local_grants(login)
        try:
            shared = self._shared_grants(login, self._root(login))
        except RedisUnavailable:
            self._log_problem()
            self._leave_unsettled(login)
            return local
        found = lineage.candidates([*local, *shared])
        if len(found) == 1 and _differ(found[0], local, shared):
            self._leave_unsettled(login)
        return found

    @contextlib.contextmanager
    def lease(self, login: Login) -> Iterator[None]:
        with self._local.lease(login), contextlib.ExitStack() as stack:
            lease = None
            try:
                root = self._root(login)
                fence = stack.enter_context(self._backend.lease(root, self._lease_timeout))
                self._reconcile(login, _Lease(root, fence))
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
        try:
            self._save_shared(login, grant)
        except RedisUnavailable:
            self._leave_unsettled(login, grant)
            self._log_problem()
        self._local.save(login, grant)

    def forget(self, login: Login) -> None:
        with contextlib.suppress(RedisUnavailable):
            self._backend.forget(self._root(login))
        self._local.forget(login)

    def health(self, login: Login) -> AccountHealth:
        self._logins[login.account] = login
        if self._now() >= self._sync_at and not self._syncing.locked():
            threading.Thread(target=self._sync, name="sync", daemon=True).start()
        return self._health.read(login)

    def update_health(
        self, login: Login, change: Callable[[AccountHealth], AccountHealth]
    ) -> AccountHealth:
        return self._health.update(login, change)

    def is_in_sync(self, login: Login) -> bool:
        if login.account in self._leases:
            return self._leases[login.account] is not None
        return self._backend.is_available() and login.account not in self._unsettled

    def problems(self) -> list[str]:
        problem = self._problem()
        return self._local.problems() + ([problem] if problem else [])

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        if self._syncing.acquire(timeout=_CLOSE_TIMEOUT):  # and keep it: nothing is synced any more
            self._backend.close()

    def _root(self, login: Login) -> str:
        """The name of the login in Redis. Raises RedisUnavailable if only Redis knows it."""
        names = [fingerprint(login.secret), *self._local.ancestors(login)]
        for name in names:
            if name in self._roots:
                return self._roots[name]
        root = self._backend.root(names)
        if root != names[0]:  # a name that is its own root may still become an alias
            self._roots[names[0]] = root
        return root

    def _shared_grants(self, login: Login, root: str) -> list[Grant]:
        """The grant in Redis, [] if there is no usable one. Raises RedisUnavailable."""
        record = self._backend.grant(root)
        if record is None:
            return []
        try:
            grant = records.decode(record, "the record in Redis")
        except BadEntry as problem:
            log.error("credential: account %s: %s", login.account, problem)
            return []
        # earlier versions stored no ancestors; the root is the first of them
        return [grant if grant.ancestors else lineage.with_ancestors(grant, [root])]

    def _local_grants(self, login: Login) -> list[Grant]:
        """The candidates on this host."""
        found = self._local.candidates(login)
        missed = self._unsettled.get(login.account)
        if missed and missed.grant:
            related = (lineage.name(missed.grant), *missed.grant.ancestors)
            if fingerprint(login.secret) in related:
                return lineage.candidates([*found, missed.grant])
        return found

    def _save_shared(self, login: Login, grant: Grant) -> None:
        """Store the grant in Redis. Raises RedisUnavailable, and SourceChanged if the holder of a
        later lease has stored a grant that this one does not replace.
        """
        lease = self._leases.get(login.account)
        if lease is None:
            raise RedisUnavailable
        self._roots[lineage.name(grant)] = lease.root
        if not self._push(grant, lease):
            raise SourceChanged

    def _push(self, grant: Grant, lease: _Lease) -> bool:
        names = [lineage.name(grant), *grant.ancestors]
        return self._backend.save(lease.root, names, records.encode(grant), lease.fence)

    def _reconcile(self, login: Login, lease: _Lease) -> None:
        """Make Redis and this host hold the same grant, if it is proved to be the newest. Needs the
        lease. Raises RedisUnavailable.
        """
        local, shared = self._local_grants(login), self._shared_grants(login, lease.root)
        newest, *others = lineage.candidates([*local, *shared])
        if others:
            log.info(
                "credential: account %s: Redis and this host hold different tokens; both are kept "
                "until one of them has worked",
                login.account,
            )
        elif newest.generation and not _holds(shared, newest):
            self._push(newest, lease)
        elif not _holds(local, newest):
            with contextlib.suppress(SourceChanged):
                self._local.save(login, newest)
        self._unsettled.pop(login.account, None)

    def _leave_unsettled(self, login: Login, grant: Grant | None = None) -> None:
        """Compare with Redis in the background, as soon as that is possible."""
        before = self._unsettled.get(login.account)
        if grant is None and before:
            grant = before.grant
        self._unsettled[login.account] = _Unsettled(login, grant)
        if not (self._settler and self._settler.is_alive()):
            self._settler = threading.Thread(target=self._settle, name="settle", daemon=True)
            self._settler.start()

    def _settle(self) -> None:
        """Other hosts wait for what Redis has missed, even if no request comes to this one."""
        while self._unsettled and not self._closed.wait(_SYNC_INTERVAL):
            self._sync()

    def _sync(self) -> None:
        """Settle what can be settled, and fetch the health of all accounts."""
        if not self._syncing.acquire(blocking=False):
            return
        try:
            if self._unsettled:
                self._backend.check()  # a timeout must not hold the locks of the host
            for unsettled in list(self._unsettled.values()):
                with self.lease(unsettled.login):
                    pass
            self._health.sync(list(self._logins.values()))
        except (RedisUnavailable, GatewayError):
            pass  # try again at the next sync
        finally:
            self._log_problem()
            self._sync_at = self._now() + _SYNC_INTERVAL
            self._syncing.release()

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


def _holds(grants: Iterable[Grant], grant: Grant) -> bool:
    """Whether these tokens are among ``grants``."""
    return any(
        (one.refresh_token, one.access_token) == (grant.refresh_token, grant.access_token)
        for one in grants
    )


def _differ(newest: Grant, local: Iterable[Grant], shared: Iterable[Grant]) -> bool:
    """Whether the host or Redis lacks the newest grant. Redis needs none that was not refreshed."""
    return not _holds(local, newest) or (bool(newest.generation) and not _holds(shared, newest))
