"""The health of accounts in Redis, with the host's own files behind it."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import msgspec

from app.credentials.health import AccountHealth, is_later
from app.credentials.model import Login

from .files import FileStore
from .health_files import decode
from .redis_backend import RedisBackend, RedisUnavailable

Change: TypeAlias = Callable[[AccountHealth], AccountHealth]

_MOST_MISSED = 64  # changes per account that are made up for when Redis is back


class SharedHealth:
    """``root`` returns the name of a login in Redis, or raises RedisUnavailable.

    A change that Redis misses is stored on the host, and made in Redis as soon as it is back: until
    then, what Redis holds is out of date and is not used. If Redis is back with the health of a
    refresh token that was replaced since, it gets the host's.
    """

    def __init__(
        self, backend: RedisBackend, local: FileStore, root: Callable[[Login], str]
    ) -> None:
        self._backend = backend
        self._local = local
        self._root = root
        self._known: dict[str, AccountHealth] = {}
        self._missed: dict[str, deque[Change]] = {}

    def read(self, login: Login) -> AccountHealth:
        """The health as far as this process knows; no call to Redis."""
        return self._known.get(login.account) or self._local.health(login)

    def update(self, login: Login, change: Change) -> AccountHealth:
        """Apply ``change`` for all processes, after the changes that Redis has missed."""
        missed = self._missed.setdefault(login.account, deque(maxlen=_MOST_MISSED))
        changes, changed = [*missed, change], AccountHealth()

        def replace(stored: bytes | None) -> bytes | None:
            nonlocal changed
            before = decode(stored) if stored else AccountHealth()
            own = self._local.health(login)
            is_behind = not stored or is_later(own, before)
            changed = own if is_behind else before
            for one in [change] if is_behind else changes:  # the host has made the missed ones
                changed = one(changed)
            return None if changed == before else msgspec.json.encode(changed)

        try:
            self._backend.update_health(self._root(login), replace)
        except RedisUnavailable:
            changed = self._local.update_health(login, change)
            missed.append(change)
        else:
            for _ in changes[:-1]:
                missed.popleft()
            self._local.update_health(login, lambda _: changed)
        self._known[login.account] = changed
        return changed

    def sync(self, logins: Iterable[Login]) -> None:
        """Make up for what Redis has missed, and fetch the rest. Raises RedisUnavailable."""
        current: list[Login] = []
        for login in logins:
            if self._missed.get(login.account):
                self.update(login, _unchanged)
            else:
                current.append(login)
        self._fetch(current)

    def _fetch(self, logins: Sequence[Login]) -> None:
        roots = [self._root(login) for login in logins]
        if not roots:
            return
        for login, stored in zip(logins, self._backend.health_records(roots), strict=True):
            if not stored or self._missed.get(login.account):
                continue
            known = decode(stored)
            if is_later(self._local.health(login), known):
                self.update(login, _unchanged)
            else:
                self._known[login.account] = known


def _unchanged(known: AccountHealth) -> AccountHealth:
    return known
