"""Where refreshed tokens are kept, so that no worker and no restart uses a spent refresh token.

A login from a file is kept in that file, where the Kiro IDE and others look too: read again, merged
and replaced whole, so that members unknown here survive. A login from anywhere else, or from a file
that cannot be written, has a record in the cache directory, named by the SHA-256 of the source's
refresh token. So a source that holds another refresh token than the record began with, because
somebody logged in again, has no record yet and speaks for itself.

Where nothing can be written the tokens live in memory, and :meth:`FileStore.problems` says so.

Between workers a lock file beside the record excludes; the kernel frees it when its holder dies.
Not closed by any of this: the moment between a refresh in the service and the arrival of its
answer, and a program that writes the token file without a lock between our reading and our
renaming.
"""

import contextlib
import errno
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec
from filelock import FileLock, Timeout

from app.errors import GatewayError, Kind

from . import files
from .entries import BadEntry, decode_json
from .model import Grant, Login, fingerprint
from .times import format_time, parse_time

log = logging.getLogger("kiro2api.credentials")

_VERSION = 1
_LOCK_TIMEOUT = 60.0
_LOCK_POLL = 0.02


class SourceChanged(Exception):
    """The file of a login holds another login than the one that was refreshed."""


class TokenStore(Protocol):
    """Keeps what follows from a login, for every process that shares the store."""

    def load(self, login: Login) -> Grant:
        """The newest grant of this login: what the store holds, or else the source's own."""

    def lease(self, login: Login) -> contextlib.AbstractContextManager[None]:
        """The exclusive right to refresh this login. Waits without blocking other greenlets;
        raises GatewayError UNAVAILABLE after a minute.
        """

    def save(self, login: Login, grant: Grant) -> None:
        """Keep ``grant``, which follows from ``login`` as the source holds it now. Never fails for
        want of a place. Raises SourceChanged, and then keeps nothing.
        """

    def problems(self) -> list[str]:
        """What the owner should repair, in sentences; empty when all is well."""


class FileStore:
    """The store of one host: the files of the sources, and a cache directory."""

    def __init__(self, directory: Path, *, lock_timeout: float = _LOCK_TIMEOUT) -> None:
        self._directory = directory
        self._lock_timeout = lock_timeout
        self._memory: dict[str, Grant] = {}
        self._problems: dict[Path, str] = {}

    def load(self, login: Login) -> Grant:
        kept = self._memory.get(fingerprint(login.secret))
        record = self._read_record(login)
        if record and kept:
            return max(record, kept, key=lambda grant: grant.generation)
        return record or kept or login.grant

    @contextlib.contextmanager
    def lease(self, login: Login) -> Iterator[None]:
        lock = self._lock(login)
        try:
            yield
        finally:
            if lock:
                lock.release()

    def save(self, login: Login, grant: Grant) -> None:
        self._memory[fingerprint(login.secret)] = grant
        source, record = login.path, self._record_path(login)
        if source and self._attempt(source, lambda: _write_back(source, login, grant)):
            with contextlib.suppress(OSError):
                record.unlink(missing_ok=True)
        elif not self._attempt(record, lambda: self._write_record(login, grant)):
            return
        del self._memory[fingerprint(login.secret)]

    def problems(self) -> list[str]:
        return list(self._problems.values())

    def _record_path(self, login: Login) -> Path:
        return self._directory / f"{fingerprint(login.secret)}.json"

    def _read_record(self, login: Login) -> Grant | None:
        path = self._record_path(login)
        try:
            return _record_grant(decode_json(path.read_bytes(), str(path)), path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._note(path, f"{path} cannot be read: {error.strerror}")
        except BadEntry as problem:
            self._note(path, f"{problem}; the credential's source is used instead")
        return None

    def _write_record(self, login: Login, grant: Grant) -> None:
        files.private_directory(self._directory)
        _replace_json(self._record_path(login), _record(login, grant))

    def _attempt(self, path: Path, write: Callable[[], None]) -> bool:
        try:
            write()
        except OSError as error:
            why = error.strerror or type(error).__name__
            self._note(path, f"{path} cannot be written: {why}; tokens are kept elsewhere for now")
            return False
        if self._problems.pop(path, None):
            log.info("credential: %s can be written again", path)
        return True

    def _note(self, path: Path, problem: str) -> None:
        if self._problems.get(path) != problem:
            self._problems[path] = problem
            log.warning("credential: %s", problem)

    def _lock(self, login: Login) -> FileLock | None:
        """The lock beside the record; without a place for one the process is on its own."""
        for record in (login.path, self._record_path(login)):
            if record is None:
                continue
            try:
                if record is not login.path:
                    files.private_directory(self._directory)
                return self._acquire(record.resolve())
            except (OSError, NotImplementedError) as error:
                why = getattr(error, "strerror", None) or str(error)
                self._note(
                    record.with_name(f"{record.name}.lock"),
                    f"{record}.lock cannot be used: {why}; workers may refresh at the same time",
                )
        return None

    def _acquire(self, record: Path) -> FileLock:
        lock = FileLock(
            f"{record}.lock",
            mode=0o600,
            thread_local=False,
            poll_interval=_LOCK_POLL,
            fallback_to_soft=False,  # its lock file would outlive a killed holder
        )
        try:
            lock.acquire(timeout=self._lock_timeout)
        except Timeout:
            raise GatewayError(
                Kind.UNAVAILABLE,
                f"Another process has been refreshing this login for {self._lock_timeout:g} s "
                f"({record}.lock); try again.",
                retry_after=1,
            ) from None
        files.sweep(record)
        return lock


def _write_back(path: Path, login: Login, grant: Grant) -> None:
    """Put the grant into the login's own file, whatever else that holds. Raises OSError."""
    try:
        document = decode_json(path.read_bytes(), str(path))
    except (FileNotFoundError, BadEntry):
        raise SourceChanged from None
    spent = login.grant.refresh_token
    for entry in document if isinstance(document, list) else [document]:
        if isinstance(entry, dict) and str(entry.get("refreshToken")).strip() == spent:
            entry |= _members(grant)
            break
    else:
        raise SourceChanged
    if not os.access(path, os.W_OK):  # renaming needs only the directory, but read-only means it
        raise PermissionError(errno.EACCES, "it is read-only")
    _replace_json(path, document)


def _members(grant: Grant) -> dict[str, Any]:
    """A grant in the words of the Kiro IDE."""
    members = {
        "accessToken": grant.access_token,
        "refreshToken": grant.refresh_token,
        "expiresAt": format_time(grant.expires_at),
    }
    return members | ({"profileArn": grant.profile_arn} if grant.profile_arn else {})


def _replace_json(path: Path, document: object) -> None:
    files.replace(path, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def _record(login: Login, grant: Grant) -> dict[str, Any]:
    return _members(grant) | {
        "version": _VERSION,
        "account": login.account,
        "refreshedAt": grant.refreshed_at,
        "generation": grant.generation,
    }


def _record_grant(record: Any, path: Path) -> Grant:
    """The grant of a record. Raises BadEntry for a damaged one, GatewayError for one that a later
    version wrote: its refresh token is the only valid one, so the source's must not be tried.
    """
    try:
        if record["version"] > _VERSION:
            raise GatewayError(
                Kind.NO_CREDENTIAL,
                f"{path} was written by a later version of this program. Run that version, or "
                "delete the file and log in again.",
            )
        return Grant(
            access_token=str(record["accessToken"]),
            refresh_token=str(record["refreshToken"]),
            expires_at=parse_time(record["expiresAt"]),
            profile_arn=record.get("profileArn"),
            refreshed_at=float(record["refreshedAt"]),
            generation=int(record["generation"]),
        )
    except (KeyError, TypeError, ValueError):
        raise BadEntry(f"{path} is damaged") from None
