"""The store of several hosts: Redis or Valkey, with the host's own files behind it.

The policy is the same as on one host. Between hosts a lock enforces it: the lock expires, and its
holder prolongs it while a refresh runs; a fencing token stops a holder that lost the lock from
overwriting newer data. What Redis holds is stored on the host as well, so that a login is not lost
with Redis and the Kiro IDE on this host continues with a valid token.

If Redis is unavailable, unexpired tokens are served, and a token that must be refreshed is
refreshed under the host's own lock and stored on the host. The host does not know what other hosts
did meanwhile, so it refreshes nothing ahead of time and treats no refused login as final. When
Redis is back, the grant that was refreshed more often wins.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from app.credentials.entries import BadEntry
from app.credentials.health import AccountHealth
from app.credentials.model import Grant, Login, fingerprint
from app.errors import GatewayError

from . import records
from .files import FileStore
from .health_files import decode as decode_health
from .interface import LEASE_TIMEOUT, SourceChanged, busy_error
from .redis_backend import RedisBackend, RedisUnavailable

log = logging.getLogger("kiro2api.credentials")

_SYNC_INTERVAL = 1.0


class _Pending(NamedTuple):
    """A grant that Redis does not hold yet."""

    login: Login
    grant: Grant


class RedisStore:
    """A :class:`~app.credentials.store.interface.TokenStore` over one Redis.

    ``_roots`` maps the fingerprint of a refresh token to the root of its login, ``_fences`` a root
    to the fencing token of the lease that this process holds. ``_outdated`` holds the logins whose
    grant on this host is older than the one in Redis.
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
        self._lease_timeout = lease_timeout
        self._now = now
        self._roots: dict[str, str] = {}
        self._fences: dict[str, int] = {}
        self._pending: dict[str, _Pending] = {}
        self._outdated: dict[str, Login] = {}
        self._logins: dict[str, Login] = {}
        self._health: dict[str, AccountHealth] = {}
        self._is_syncing = False
        self._sync_at = 0.0
        self._logged_problem = ""

    def load(self, login: Login) -> Grant:
        local = self._local_grant(login)
        try:
            shared = self._shared_grant(login)
        except RedisUnavailable:
            self._log_problem()
            return local
        newest = _newest(local, shared)
        if newest.refresh_token != local.refresh_token:
            self._outdated[self._known_root(login)] = login
        return newest

    @contextlib.contextmanager
    def lease(self, login: Login) -> Iterator[None]:
        with self._local.lease(login), contextlib.ExitStack() as stack:
            root = self._known_root(login)
            try:
                root = self._root(login)
                fence = stack.enter_context(self._backend.lease(root, self._lease_timeout))
                self._reconcile(login, fence)
                self._fences[root] = fence
                stack.callback(self._fences.pop, root)
            except TimeoutError:
                raise busy_error("Redis", self._lease_timeout) from None
            except RedisUnavailable:
                pass
            self._log_problem()
            yield

    def save(self, login: Login, grant: Grant) -> None:
        root = self._known_root(login)
        if grant.refresh_token:
            self._roots[fingerprint(grant.refresh_token)] = root
        try:
            if not self._push(root, grant, self._fences.get(root)):
                raise SourceChanged
        except RedisUnavailable:
            self._pending[root] = _Pending(login, grant)
            self._log_problem()
        self._local.save(login, grant)

    def forget(self, login: Login) -> None:
        with contextlib.suppress(RedisUnavailable):
            self._backend.forget(self._root(login))
        self._local.forget(login)

    def health(self, login: Login) -> AccountHealth:
        self._logins[login.account] = login
        if self._now() >= self._sync_at and not self._is_syncing:
            self._is_syncing = True
            threading.Thread(target=self._sync, name="sync", daemon=True).start()
        return self._health.get(login.account) or self._local.health(login)

    def update_health(
        self, login: Login, change: Callable[[AccountHealth], AccountHealth]
    ) -> AccountHealth:
        changed = AccountHealth()

        def replace(stored: bytes | None) -> bytes | None:
            nonlocal changed
            known = decode_health(stored) if stored else self._local.health(login)
            changed = change(known)
            return None if changed == known else msgspec.json.encode(changed)

        try:
            self._backend.update_health(self._root(login), replace)
        except RedisUnavailable:
            changed = self._local.update_health(login, change)
        else:
            self._local.update_health(login, lambda _: changed)
        self._health[login.account] = changed
        return changed

    def is_in_sync(self) -> bool:
        return self._backend.is_available() and not self._pending

    def problems(self) -> list[str]:
        problem = self._problem()
        return ([problem] if problem else []) + self._local.problems()

    def close(self) -> None:
        self._backend.close()
        self._local.close()

    def _known_root(self, login: Login) -> str:
        """The root as far as it is known without a call to Redis."""
        name = fingerprint(login.secret)
        return self._roots.get(name, name)

    def _root(self, login: Login) -> str:
        """The root, looked up by the refresh token in the source. Raises RedisUnavailable."""
        name = fingerprint(login.secret)
        root = self._roots.get(name) or self._backend.root(name)
        if root != name:  # a name that is its own root may still become an alias
            self._roots[name] = root
        return root

    def _shared_grant(self, login: Login) -> Grant | None:
        """The grant in Redis, None if there is no usable one. Raises RedisUnavailable."""
        record = self._backend.grant(self._root(login))
        if record is None:
            return None
        try:
            return records.decode(record, "the record in Redis")
        except BadEntry as problem:
            log.error("credential: account %s: %s", login.account, problem)
            return None

    def _local_grant(self, login: Login) -> Grant:
        """The newest grant on this host."""
        local = self._local.load(login)
        pending = self._pending.get(self._known_root(login))
        return _newest(local, pending.grant) if pending else local

    def _push(self, root: str, grant: Grant, fence: int | None) -> bool:
        """Store the grant in Redis; False if the holder of a later lease has already stored one.
        Raises RedisUnavailable.
        """
        if fence is None:
            raise RedisUnavailable
        names = [fingerprint(grant.refresh_token)] if grant.refresh_token else []
        return self._backend.save(root, names, records.encode(grant), fence)

    def _reconcile(self, login: Login, fence: int) -> None:
        """Make Redis and this host hold the same grant. Needs the lease.

        Raises RedisUnavailable.
        """
        local, shared = self._local_grant(login), self._shared_grant(login)
        root, newest = self._known_root(login), _newest(local, shared)
        if newest is not shared and newest.generation:
            self._push(root, newest, fence)
        elif newest.refresh_token != local.refresh_token:
            with contextlib.suppress(SourceChanged):
                self._local.save(login, newest)
        self._pending.pop(root, None)
        self._outdated.pop(root, None)

    def _sync(self) -> None:
        """In the background: fetch the health of all accounts, and store missing grants."""
        try:
            differing = self._outdated | {root: one.login for root, one in self._pending.items()}
            for login in differing.values():
                with self.lease(login):
                    pass
            logins = list(self._logins.values())
            roots = [self._root(login) for login in logins]
            for login, stored in zip(logins, self._backend.health_records(roots), strict=True):
                if stored:
                    self._health[login.account] = decode_health(stored)
        except (RedisUnavailable, GatewayError):
            pass  # try again at the next sync
        finally:
            self._log_problem()
            self._sync_at = self._now() + _SYNC_INTERVAL
            self._is_syncing = False

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


def _newest(local: Grant, shared: Grant | None) -> Grant:
    """The grant that was refreshed more often; the shared one if they are equal."""
    return shared if shared and shared.generation >= local.generation else local
