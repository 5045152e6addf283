"""What must survive: refreshed tokens, and what is held against an account. One interface; this is
its implementation for one host, :mod:`app.credentials.store.redis` the one for several.

A login from a file is kept in that file, where the Kiro IDE and others look too: read again, merged
and replaced whole, so that members unknown here survive. A login from anywhere else, or from a file
that cannot be written, has a record in the cache directory, named by the SHA-256 of the source's
refresh token. So a source that holds another refresh token than the record began with, because
somebody logged in again, has no record yet and speaks for itself.

Where the cache directory cannot be written either, records go to the machine's shared memory, which
all workers see, and at last into this process alone; :meth:`FileStore.problems` says so.

Two windows stay open. Between a refresh in the service and our rename the new refresh token exists
only on its way to us. And a program that writes the token file without a lock may do so between our
reading and our renaming.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from app import files
from app.credentials.entries import BadEntry
from app.credentials.health import Standing
from app.credentials.model import Grant, Login, fingerprint
from app.errors import GatewayError, Kind

from . import records
from .directories import SHARED_MEMORY, Directories, reason, remove
from .health_files import StandingFiles

log = logging.getLogger("kiro2api.credentials")

_LEASE_TIMEOUT = 60.0
_ABANDONED = 600.0  # seconds after which nobody is writing a file any more
_FORGOTTEN = 90 * 86400.0  # seconds after which a refresh token that was not used is dead


class TokenStore(Protocol):
    """Keeps what follows from a login, for every process that shares the store."""

    def load(self, login: Login) -> Grant:
        """The newest grant of this login: what the store holds, or else the source's own."""

    def lease(self, login: Login) -> contextlib.AbstractContextManager[None]:
        """The exclusive right to refresh this login. Waits without blocking other greenlets;
        raises GatewayError UNAVAILABLE after a minute.
        """

    def save(self, login: Login, grant: Grant) -> None:
        """Keep ``grant``, which follows from ``login`` as the source holds it now. Under a lease.
        Never fails for want of a place. Raises SourceChanged, and then keeps nothing.
        """

    def forget(self, login: Login) -> None:
        """Remove everything kept for this login, but for its source."""

    def standing(self, login: Login) -> Standing:
        """What is held against the account, as far as this process knows; cheap."""

    def amend(self, login: Login, change: Callable[[Standing], Standing]) -> Standing:
        """Apply ``change`` to the standing for everybody, one change after the other."""

    def knows_all(self) -> bool:
        """False while another host may have refreshed without this one knowing."""

    def problems(self) -> list[str]:
        """What the owner should repair, in sentences; empty when all is well."""

    def close(self) -> None:
        """Let go of connections."""


class FileStore:
    """The store of one host: the files of the sources, and the directories for records."""

    def __init__(
        self,
        directory: Path,
        *,
        shared_memory: Path = SHARED_MEMORY,
        lease_timeout: float = _LEASE_TIMEOUT,
    ) -> None:
        self._directories = Directories(directory, shared_memory)
        self._standings = StandingFiles(self._directories)
        self._lease_timeout = lease_timeout
        self._grants: dict[str, Grant] = {}
        self._logins: dict[str, Login] = {}
        self._reasons: dict[str, str] = {}

    def load(self, login: Login) -> Grant:
        self._logins[login.account] = login
        found = [self._grants.get(_name(login))]
        found += [_read(directory / _name(login)) for directory in self._directories]
        kept = [grant for grant in found if grant]
        return max(kept, key=lambda grant: grant.generation) if kept else login.grant

    @contextlib.contextmanager
    def lease(self, login: Login) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            lock = self._directories.locked(login.account, self._lease_timeout, beside=login.path)
            try:
                stack.enter_context(lock)
            except TimeoutError:
                raise busy(login.source, self._lease_timeout) from None
            self._tidy(login)
            yield

    def save(self, login: Login, grant: Grant) -> None:
        failures: list[str] = []
        source = login.path if login.grant.refresh_token else None
        if source:
            try:
                records.write_back(source, login, grant)
                return self._kept(login, None, failures)
            except OSError as error:
                failures.append(f"{source} cannot be written ({reason(error)})")
        for directory in self._directories:
            try:
                self._directories.make(directory)
                files.replace(directory / _name(login), records.encode(grant))
                return self._kept(login, directory, failures)
            except OSError as error:
                failures.append(f"{directory} cannot be written ({reason(error)})")
        self._grants[_name(login)] = grant
        return self._tell(login, failures)

    def forget(self, login: Login) -> None:
        self._logins.pop(login.account, None)
        self._grants.pop(_name(login), None)
        for directory in self._directories:
            remove(directory / _name(login))
        self._standings.forget(login.account)

    def standing(self, login: Login) -> Standing:
        return self._standings.read(login.account)

    def amend(self, login: Login, change: Callable[[Standing], Standing]) -> Standing:
        return self._standings.amend(login.account, change)

    def knows_all(self) -> bool:
        return True

    def problems(self) -> list[str]:
        return [problem for login in self._logins.values() if (problem := self._problem(login))]

    def close(self) -> None:
        """Nothing is open."""

    def _tidy(self, login: Login) -> None:
        """Under the lease: what killed processes and former logins left."""
        if login.path:
            files.sweep(login.path)
        for directory in self._directories:
            files.sweep(directory / _name(login))
            files.expire(directory, ".*.tmp", _ABANDONED)
            files.expire(directory, "*.json", _FORGOTTEN)

    def _kept(self, login: Login, where: Path | None, failures: Sequence[str]) -> None:
        """The newest grant is durably in ``where`` (None: in its source): older ones go."""
        self._grants.pop(_name(login), None)
        for directory in self._directories:
            if directory != where:
                remove(directory / _name(login))
        self._tell(login, failures)

    def _tell(self, login: Login, failures: Sequence[str]) -> None:
        """Log why a grant is not where it belongs, and when it is again; each once."""
        self._logins[login.account] = login
        before = self._reasons.get(login.account, "")
        why = self._reasons[login.account] = " and ".join(failures)
        if why == before:
            return
        if problem := self._problem(login):
            log.error("credential: %s", problem)
        elif why:
            log.info("credential: %s; tokens are kept in %s", why, self._directories.on_disk)
        else:
            log.info("credential: account %s: tokens are kept in their place again", login.account)

    def _problem(self, login: Login) -> str:
        """What is wrong with where the newest grant is; seen by every process alike."""
        memory = self._directories.in_memory
        if _name(login) in self._grants:
            where, end = "the memory of one process", "its end"
        elif memory in self._directories and (memory / _name(login)).exists():
            where, end = f"memory ({memory})", "the next restart of the host"
        else:
            return ""
        why = self._reasons.get(login.account) or "there was no place on disk to be written"
        return (
            f"account {login.account}: {why}; its refreshed tokens are kept in {where} and are "
            f"lost at {end}"
        )


def _name(login: Login) -> str:
    return f"{fingerprint(login.secret)}.json"


def _read(path: Path) -> Grant | None:
    """The grant of a record, None if there is none that can be used."""
    try:
        return records.decode(path.read_bytes(), str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        log.error("credential: %s cannot be read: %s", path, reason(error))
    except BadEntry as problem:
        log.error("credential: %s; its source is used instead", problem)
    return None


def busy(where: str, seconds: float) -> GatewayError:
    """The error of not getting the lease in time."""
    return GatewayError(
        Kind.UNAVAILABLE,
        f"Another process has been refreshing this login for {seconds:g} s ({where}); try again.",
        retry_after=1,
    )
