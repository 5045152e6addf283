"""The health of accounts in Redis, with the host's own files behind it."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from app.credentials.health import AccountHealth, cleared, is_cleared_since, is_later
from app.credentials.model import Login

from .files import FileStore
from .health_files import decode
from .redis_backend import RedisBackend, RedisUnavailable

Change: TypeAlias = Callable[[AccountHealth], AccountHealth]

_MOST_MISSED = 64  # changes per account that are made up for when Redis is back


class _Missed(NamedTuple):
    """A change that Redis has missed, and how often the health was cleared before it."""

    clears: int
    change: Change


class _Known(NamedTuple):
    """The health in Redis, and what the host's own file held when both agreed last."""

    health: AccountHealth
    own: AccountHealth


class SharedHealth:
    """``root`` returns the name of a login in Redis, or raises RedisUnavailable.

    A change that Redis misses is stored on the host, and made in Redis as soon as it is back: until
    then, what Redis holds is out of date and is not used by any process of the host. If Redis is
    back with the health of a refresh token that was replaced since, it gets the host's.

    A clear outlasts all that: it reaches Redis by any process of the host, since the command that
    made it is over by then, and a change that was missed before it is not made after it.
    """

    def __init__(
        self, backend: RedisBackend, local: FileStore, root: Callable[[Login], str]
    ) -> None:
        self._backend = backend
        self._local = local
        self._root = root
        self._known: dict[str, _Known] = {}
        self._missed: dict[str, deque[_Missed]] = {}

    def read(self, login: Login) -> AccountHealth:
        """The health as far as this process knows; no call to Redis."""
        known, own = self._known.get(login.account), self._local.health(login)
        if known is None or is_cleared_since(own, known.health):
            return own
        if own != known.own and not self._backend.is_available():
            return own  # another process of the host has changed it meanwhile
        return known.health

    def update(self, login: Login, change: Change) -> AccountHealth:
        """Apply ``change`` for all processes, after the changes that Redis has missed."""
        missed = self._missed.setdefault(login.account, deque(maxlen=_MOST_MISSED))
        told, changed = len(missed), AccountHealth()

        def replace(stored: bytes | None) -> bytes | None:
            nonlocal changed
            before = decode(stored) if stored else AccountHealth()
            changed = self._caught_up(login, before) if stored else self._local.health(login)
            changed = change(changed)
            return None if changed == before else msgspec.json.encode(changed)

        try:
            self._backend.update_health(self._root(login), replace)
        except RedisUnavailable:
            missed.append(_Missed(self._local.health(login).clears, change))
            changed = self._local.update_health(login, change)
        else:
            for _ in range(told):
                missed.popleft()
            self._local.update_health(login, lambda _: changed)
        self._known[login.account] = _Known(changed, changed)
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

    def _caught_up(self, login: Login, stored: AccountHealth) -> AccountHealth:
        """What Redis would hold if it had been there all the time."""
        own = self._local.health(login)
        if is_later(own, stored):
            return own  # the host has made the missed changes
        if is_cleared_since(own, stored):
            stored = msgspec.structs.replace(cleared(stored), clears=own.clears)
        for missed in self._missed.get(login.account, ()):
            if missed.clears >= stored.clears:
                stored = missed.change(stored)
        return stored

    def _fetch(self, logins: Sequence[Login]) -> None:
        roots = [self._root(login) for login in logins]
        if not roots:
            return
        for login, stored in zip(logins, self._backend.health_records(roots), strict=True):
            if not stored or self._missed.get(login.account):
                continue
            known = decode(stored)
            own = self._local.health(login)
            if is_later(own, known) or is_cleared_since(own, known):
                self.update(login, _unchanged)
            else:
                seen = self._known.get(login.account)
                if seen and not self._backend.is_available():
                    own = seen.own  # Redis can be read, but lacks what the host has changed
                self._known[login.account] = _Known(known, own)


def _unchanged(known: AccountHealth) -> AccountHealth:
    return known
