"""The credentials of the process: which account serves a request, and what an error means for it.

The one door of this package. A request asks :meth:`Credentials.token`, sends it, and tells what
became of it: :meth:`~Credentials.accepted`, :meth:`~Credentials.refused` or
:meth:`~Credentials.failed`.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import GatewayError
from app.version import __version__

from . import sources
from .keeper import Keeper
from .model import Login, Token
from .refresh import Refresher
from .sources import Source
from .store import FileStore, TokenStore

if TYPE_CHECKING:
    from app.settings import Settings

log = logging.getLogger("kiro2api.credentials")

_LOOK_EVERY = 1.0  # seconds between looks at the files of the source


class Credentials:
    """All accounts of one source. One for each process, shared by its greenlets."""

    def __init__(
        self,
        candidates: Iterable[Source],
        *,
        store: TokenStore,
        refresher: Refresher,
        region: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Reads the sources. Raises GatewayError NO_CREDENTIAL if none holds a usable login."""
        self._store = store
        self._refresher = refresher
        self._region = region
        self._clock = clock
        self._candidates = list(candidates)
        self._keepers: dict[str, Keeper] = {}
        self._source: Source | None = None
        self._told: set[str] = set()
        self._seen: Sequence[object] = ()
        self._look_at = 0.0
        self._look()
        if not self._keepers:
            raise sources.no_credential(sorted(self._told))

    @classmethod
    def from_settings(
        cls, settings: "Settings", *, clock: Callable[[], float] = time.time
    ) -> "Credentials":
        """The credentials that the settings name. Raises GatewayError NO_CREDENTIAL."""
        refresher = Refresher(
            user_agent=f"kiro2api/{__version__}",
            auth_url=settings.kiro_auth_url,
            oidc_url=settings.kiro_oidc_url,
            proxy=settings.kiro_upstream_proxy,
            connect_timeout=settings.kiro_connect_timeout,
            clock=clock,
        )
        return cls(
            sources.from_settings(settings),
            store=FileStore(settings.kiro_token_cache),
            refresher=refresher,
            region=settings.kiro_region,
            clock=clock,
        )

    def token(self, session: str = "") -> Token:
        """A token fit to be used now, of the account that serves this conversation.

        Waits for the one refresh if the token has expired. Raises GatewayError: LOGIN_OVER with
        what to run, NO_CREDENTIAL, or the passing failure of the refresh.
        """
        self._look()
        for keeper in self._keepers.values():
            return keeper.token()
        raise sources.no_credential(sorted(self._told))

    def accepted(self, token: Token) -> None:
        """The upstream took the token. Call it once for each request."""
        if keeper := self._keepers.get(token.account):
            keeper.accepted(token)

    def refused(self, token: Token, error: GatewayError) -> Token | None:
        """The upstream refused the token (REFUSED_TOKEN): the one to try once more with, None if no
        retry makes sense. Raises GatewayError where a refresh would help but fails.
        """
        keeper = self._keepers.get(token.account)
        return keeper.refused(token) if keeper else None

    def failed(self, token: Token, error: GatewayError) -> Token | None:
        """The upstream failed for a reason other than the token: the one of another account to try
        instead, None if nobody else should be tried.
        """
        return None

    def problems(self) -> list[str]:
        """What the owner should repair although requests still work, in sentences."""
        return self._store.problems()

    def close(self) -> None:
        """Finish the refreshes under way, whose answers must not be lost."""
        for keeper in self._keepers.values():
            keeper.settle(timeout=15)
        self._refresher.close()

    def _look(self) -> None:
        """Take up what changed in the files of the sources."""
        now = self._clock()
        if 0 <= self._look_at - now <= _LOOK_EVERY:
            return
        self._look_at = now + _LOOK_EVERY
        seen = [_stamp(path) for source in self._candidates for path in source.watched()]
        if seen != self._seen or not self._keepers:
            self._seen = seen
            self._take(sources.choose(self._candidates))

    def _take(self, choice: sources.Choice) -> None:
        self._tell(choice)
        if self._keepers and choice.found.problems and choice.source is not self._source:
            return  # perhaps half written: what was read before stays in use
        self._source = choice.source
        self._keepers = {login.account: self._keeper(login) for login in choice.found.logins}

    def _keeper(self, login: Login) -> Keeper:
        keeper = self._keepers.get(login.account)
        if keeper:
            keeper.source_changed(login)
            return keeper
        return Keeper(
            login,
            store=self._store,
            refresher=self._refresher,
            reread=self._reread,
            region=self._region,
            clock=self._clock,
        )

    def _tell(self, choice: sources.Choice) -> None:
        """Log what was not logged before, each thing once."""
        found = choice.found
        lines = dict.fromkeys(found.problems, logging.ERROR)
        lines |= dict.fromkeys(found.doubts, logging.WARNING)
        if choice.source:
            lines[f"using {choice.source.name}: {len(found.logins)} login(s)"] = logging.INFO
        for line in lines.keys() - self._told:
            log.log(lines[line], "credential: %s", line)
        self._told = set(lines)

    def _reread(self, login: Login) -> Login | None:
        """The same login as its source holds it at this moment."""
        found = sources.choose(self._candidates).found
        return next((other for other in found.logins if other.account == login.account), None)


def _stamp(path: Path) -> object:
    """Whatever changes when the file does, None if there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
