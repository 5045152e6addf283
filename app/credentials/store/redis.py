"""The store of several hosts: Redis or Valkey, with the host's own files behind it.

The same policy as on one host, held between hosts by a lock with an expiry that is prolonged while
a refresh runs, and a fence that keeps one who lost it from overwriting what came later. What Redis
has is kept on the host as well, so that a login is not lost with Redis and the Kiro IDE on this
host goes on with a valid token.

Redis away: what is unexpired is served, what must be refreshed is refreshed under the host's own
lock and kept on the host. What the others did meanwhile is not known, so nothing is refreshed ahead
and no refused login is final. When Redis is back, whatever was refreshed more often wins.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from app.credentials.entries import BadEntry
from app.credentials.health import Standing
from app.credentials.model import Grant, Login, fingerprint
from app.errors import GatewayError

from . import records
from .files import FileStore, busy
from .health_files import decode as read_standing
from .records import SourceChanged
from .redis_backend import Away, Remote

log = logging.getLogger("kiro2api.credentials")

_LEASE_TIMEOUT = 60.0
_SYNC_EVERY = 1.0


class _Pending(NamedTuple):
    """What Redis does not have yet."""

    login: Login
    grant: Grant


class RedisStore:
    """See :class:`app.credentials.store.files.TokenStore`."""

    def __init__(
        self,
        remote: Remote,
        local: FileStore,
        *,
        lease_timeout: float = _LEASE_TIMEOUT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._remote = remote
        self._local = local
        self._lease_timeout = lease_timeout
        self._now = now
        self._roots: dict[str, str] = {}
        self._fences: dict[str, int] = {}
        self._pending: dict[str, _Pending] = {}
        self._behind: dict[str, Login] = {}
        self._logins: dict[str, Login] = {}
        self._standings: dict[str, Standing] = {}
        self._is_syncing = False
        self._sync_at = 0.0
        self._told = ""

    def load(self, login: Login) -> Grant:
        mine = self._mine(login)
        try:
            theirs = self._read(login)
        except Away:
            self._tell()
            return mine
        newest = _newest(mine, theirs)
        if newest.refresh_token != mine.refresh_token:
            self._behind[self._known_root(login)] = login
        return newest

    @contextlib.contextmanager
    def lease(self, login: Login) -> Iterator[None]:
        with self._local.lease(login), contextlib.ExitStack() as stack:
            root = self._known_root(login)
            try:
                root = self._root(login)
                fence = stack.enter_context(self._remote.lease(root, self._lease_timeout))
                self._reconcile(login, fence)
                self._fences[root] = fence
                stack.callback(self._fences.pop, root)
            except TimeoutError:
                raise busy("Redis", self._lease_timeout) from None
            except Away:
                pass
            self._tell()
            yield

    def save(self, login: Login, grant: Grant) -> None:
        root = self._known_root(login)
        if grant.refresh_token:
            self._roots[fingerprint(grant.refresh_token)] = root
        try:
            if not self._push(root, grant, self._fences.get(root)):
                raise SourceChanged
        except Away:
            self._pending[root] = _Pending(login, grant)
            self._tell()
        self._local.save(login, grant)

    def forget(self, login: Login) -> None:
        with contextlib.suppress(Away):
            self._remote.forget(self._root(login))
        self._local.forget(login)

    def standing(self, login: Login) -> Standing:
        self._logins[login.account] = login
        if self._now() >= self._sync_at and not self._is_syncing:
            self._is_syncing = True
            threading.Thread(target=self._sync, name="sync", daemon=True).start()
        return self._standings.get(login.account) or self._local.standing(login)

    def amend(self, login: Login, change: Callable[[Standing], Standing]) -> Standing:
        changed = Standing()

        def replace(kept: bytes | None) -> bytes | None:
            nonlocal changed
            known = read_standing(kept) if kept else self._local.standing(login)
            changed = change(known)
            return None if changed == known else msgspec.json.encode(changed)

        try:
            self._remote.amend(self._root(login), replace)
        except Away:
            changed = self._local.amend(login, change)
        else:
            self._local.amend(login, lambda _: changed)
        self._standings[login.account] = changed
        return changed

    def knows_all(self) -> bool:
        return not self._remote.is_away() and not self._pending

    def problems(self) -> list[str]:
        away = [self._away()] if self._remote.is_away() else []
        return away + self._local.problems()

    def close(self) -> None:
        self._remote.close()
        self._local.close()

    def _known_root(self, login: Login) -> str:
        """As far as it is known without asking."""
        name = fingerprint(login.secret)
        return self._roots.get(name, name)

    def _root(self, login: Login) -> str:
        """Found by the refresh token that the source holds. Raises Away."""
        name = fingerprint(login.secret)
        root = self._roots.get(name) or self._remote.root(name)
        if root != name:  # else it may become an alias yet
            self._roots[name] = root
        return root

    def _read(self, login: Login) -> Grant | None:
        record = self._remote.grant(self._root(login))
        if record is None:
            return None
        try:
            return records.decode(record, "the record in Redis")
        except BadEntry as problem:
            log.error("credential: account %s: %s", login.account, problem)
            return None

    def _mine(self, login: Login) -> Grant:
        """The newest grant on this host."""
        mine = self._local.load(login)
        pending = self._pending.get(self._known_root(login))
        return _newest(mine, pending.grant) if pending else mine

    def _push(self, root: str, grant: Grant, fence: int | None) -> bool:
        """Keep the grant in Redis, False if the holder of a later lease did so. Raises Away."""
        if fence is None:
            raise Away
        names = [fingerprint(grant.refresh_token)] if grant.refresh_token else []
        return self._remote.save(root, names, records.encode(grant), fence)

    def _reconcile(self, login: Login, fence: int) -> None:
        """Under the lease: Redis and this host hold the same from now on. Raises Away."""
        mine, theirs = self._mine(login), self._read(login)
        root, newest = self._known_root(login), _newest(mine, theirs)
        if newest is not theirs and newest.generation:
            self._push(root, newest, fence)
        elif newest.refresh_token != mine.refresh_token:
            with contextlib.suppress(SourceChanged):
                self._local.save(login, newest)
        self._pending.pop(root, None)
        self._behind.pop(root, None)

    def _sync(self) -> None:
        """In the background: what is held against the accounts, and what either side lacks."""
        try:
            unequal = self._behind | {root: one.login for root, one in self._pending.items()}
            for login in unequal.values():
                with self.lease(login):
                    pass
            logins = list(self._logins.values())
            roots = [self._root(login) for login in logins]
            for login, kept in zip(logins, self._remote.standings(roots), strict=True):
                if kept:
                    self._standings[login.account] = read_standing(kept)
        except (Away, GatewayError):
            pass  # the next time, then
        finally:
            self._tell()
            self._sync_at = self._now() + _SYNC_EVERY
            self._is_syncing = False

    def _tell(self) -> None:
        problem = self._away() if self._remote.is_away() else ""
        if problem == self._told:
            return
        self._told = problem
        if problem:
            log.error("credential: %s", problem)
        else:
            log.info("credential: KIRO_TOKEN_STORE can be used again")

    def _away(self) -> str:
        return (
            f"KIRO_TOKEN_STORE cannot be used ({self._remote.problem}); tokens are shared on this "
            "host only"
        )


def _newest(mine: Grant, theirs: Grant | None) -> Grant:
    """What was refreshed more often."""
    return theirs if theirs and theirs.generation >= mine.generation else mine
