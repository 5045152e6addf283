"""What must survive: refreshed tokens, and what is held against an account. One interface; this is
its implementation for one host, :mod:`app.credentials.redis_store` the one for several.

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
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from app import files
from app.errors import GatewayError, Kind

from . import records
from .entries import BadEntry
from .locks import exclusive
from .model import Grant, Login, fingerprint
from .standing import Standing

log = logging.getLogger("kiro2api.credentials")

SHARED_MEMORY = Path("/dev/shm")
_LEASE_TIMEOUT = 60.0
_AMEND_TIMEOUT = 2.0
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
        self._directory = directory
        self._memory_directory = shared_memory / f"kiro2api-{os.geteuid()}"
        self._lease_timeout = lease_timeout
        self._grants: dict[str, Grant] = {}
        self._standings: dict[str, tuple[int, Standing]] = {}
        self._logins: dict[str, Login] = {}
        self._reasons: dict[str, str] = {}

    def load(self, login: Login) -> Grant:
        self._logins[login.account] = login
        found = [self._grants.get(_name(login))]
        found += [self._read(directory / _name(login)) for directory in self._directories()]
        kept = [grant for grant in found if grant]
        return max(kept, key=lambda grant: grant.generation) if kept else login.grant

    @contextlib.contextmanager
    def lease(self, login: Login) -> Iterator[None]:
        with self._locked(login, ".lock", login.path, self._lease_timeout):
            for path in self._places(login):
                files.sweep(path)
            for directory in self._directories():  # what former logins left
                files.expire(directory, ".*.tmp", _ABANDONED)
                files.expire(directory, "*.json", _FORGOTTEN)
            yield

    def save(self, login: Login, grant: Grant) -> None:
        source, failures = login.path if login.grant.refresh_token else None, []
        if source:
            try:
                records.write_back(source, login, grant)
                return self._kept(login, None, failures)
            except OSError as error:
                failures.append(f"{source} cannot be written ({_reason(error)})")
        for directory in self._directories():
            try:
                self._make(directory)
                files.replace(directory / _name(login), records.encode(grant))
                return self._kept(login, directory, failures)
            except OSError as error:
                failures.append(f"{directory} cannot be written ({_reason(error)})")
        self._grants[_name(login)] = grant
        return self._tell(login, failures)

    def forget(self, login: Login) -> None:
        self._logins.pop(login.account, None)
        self._grants.pop(_name(login), None)
        for directory in self._directories():
            _remove(directory / _name(login))
            _remove(directory / _standing_name(login))

    def standing(self, login: Login) -> Standing:
        paths = [directory / _standing_name(login) for directory in self._directories()]
        stamp, path = max((_stamp(path), path) for path in paths)
        known = self._standings.get(login.account)
        if known is None or known[0] < stamp:
            known = self._standings[login.account] = (stamp, read_standing(_content(path)))
        return known[1]

    def amend(self, login: Login, change: Callable[[Standing], Standing]) -> Standing:
        with self._locked(login, ".state.lock", None, _AMEND_TIMEOUT, required=False):
            standing = self.standing(login)
            changed = change(standing)
            if changed == standing:
                return standing
            self._standings[login.account] = (0, changed)
            for directory in self._directories():
                path = directory / _standing_name(login)
                with contextlib.suppress(OSError):  # it is no loss that anybody would notice
                    self._make(directory)
                    files.sweep(path)
                    files.replace(path, msgspec.json.encode(changed), durable=False)
                    self._standings[login.account] = (_stamp(path), changed)
                    break
            return changed

    def knows_all(self) -> bool:
        return True

    def problems(self) -> list[str]:
        return [problem for login in self._logins.values() if (problem := self._problem(login))]

    def close(self) -> None:
        """Nothing is open."""

    def _directories(self) -> Sequence[Path]:
        """Where records can be, best first."""
        memory = self._memory_directory
        if memory.parent.is_dir() and (files.is_private(memory) or not memory.exists()):
            return self._directory, memory
        return (self._directory,)

    def _places(self, login: Login) -> list[Path]:
        records = [directory / _name(login) for directory in self._directories()]
        return [login.path, *records] if login.path else records

    def _make(self, directory: Path) -> None:
        files.private_directory(directory, shared_parent=directory == self._memory_directory)

    def _read(self, path: Path) -> Grant | None:
        try:
            return records.decode(path.read_bytes(), str(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            log.error("credential: %s cannot be read: %s", path, _reason(error))
        except BadEntry as problem:
            log.error("credential: %s; its source is used instead", problem)
        return None

    def _kept(self, login: Login, where: Path | None, failures: Sequence[str]) -> None:
        """The newest grant is durably in ``where`` (None: in its source): older ones go."""
        self._grants.pop(_name(login), None)
        for directory in self._directories():
            if directory != where:
                _remove(directory / _name(login))
        self._tell(login, failures)

    def _tell(self, login: Login, failures: Sequence[str]) -> None:
        """Log why a grant is not where it belongs, and when it is again; each once."""
        self._logins[login.account] = login
        before = self._reasons.get(login.account, "")
        reason = self._reasons[login.account] = " and ".join(failures)
        problem = self._problem(login)
        if reason == before:
            return
        if problem:
            log.error("credential: %s", problem)
        elif reason:
            log.info("credential: %s; tokens are kept in %s", reason, self._directory)
        else:
            log.info("credential: account %s: tokens are kept in their place again", login.account)

    def _problem(self, login: Login) -> str:
        """What is wrong with where the newest grant is; seen by every process alike."""
        memory = self._memory_directory
        if _name(login) in self._grants:
            where, end = "the memory of one process", "its end"
        elif memory in self._directories() and (memory / _name(login)).exists():
            where, end = f"memory ({memory})", "the next restart of the host"
        else:
            return ""
        reason = self._reasons.get(login.account) or "there was no place on disk to be written"
        return (
            f"account {login.account}: {reason}; its refreshed tokens are kept in {where} and are "
            f"lost at {end}"
        )

    @contextlib.contextmanager
    def _locked(
        self,
        login: Login,
        suffix: str,
        beside: Path | None,
        timeout: float,
        *,
        required: bool = True,
    ) -> Iterator[None]:
        """Under the lock beside the record, or wherever there can be one."""
        with contextlib.ExitStack() as stack:
            for path in self._lock_paths(login, suffix, beside):
                try:
                    if path.parent in self._directories():
                        self._make(path.parent)
                    stack.enter_context(exclusive(path, timeout))
                except TimeoutError:
                    if required:
                        raise busy(str(path), timeout) from None
                except OSError as error:
                    log.warning("credential: no lock at %s: %s", path, _reason(error))
                    continue
                break
            yield

    def _lock_paths(self, login: Login, suffix: str, beside: Path | None) -> Iterator[Path]:
        if beside:
            target = beside.resolve()
            yield target.with_name(target.name + suffix)
        for directory in self._directories():
            yield directory / (login.account + suffix)


def _name(login: Login) -> str:
    return f"{fingerprint(login.secret)}.json"


def _standing_name(login: Login) -> str:
    return f"{login.account}.state.json"


def _stamp(path: Path) -> int:
    """Grows whenever the file is replaced; 0 if there is none."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def read_standing(content: bytes) -> Standing:
    """A standing as it is stored; one that cannot be read holds nothing against anybody."""
    try:
        return msgspec.json.decode(content, type=Standing)
    except msgspec.MsgspecError:
        return Standing()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def busy(where: str, seconds: float) -> GatewayError:
    """The error of not getting the lease in time."""
    return GatewayError(
        Kind.UNAVAILABLE,
        f"Another process has been refreshing this login for {seconds:g} s ({where}); try again.",
        retry_after=1,
    )
