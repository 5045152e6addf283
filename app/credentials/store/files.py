"""The token store of one host: refreshed tokens and account health in files.

A login from a file is stored in that same file, which the Kiro IDE and others read too: the file is
read again, merged and replaced as a whole, so unknown members survive. A login from any other
source, or from a file that cannot be written, has a record in the cache directory. The record is
named after the SHA-256 of the refresh token in the source. If the user logs in again, the source
holds another refresh token, no record matches, and the source itself is used. For a login that is
stored in a token file, the cache directory holds which tokens it replaced (``*.past.json``).

If the cache directory cannot be written either, records go to the machine's shared memory, which
all workers can read, and finally into the memory of this process; :meth:`FileStore.problems`
reports this.

Two windows remain. Between a refresh at the service and our write, the new refresh token exists
only in transit; a token that was written but not renamed is found by the next holder of the lease.
And a program that writes the token file without a lock may do so between our read and our rename.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from app.common import files
from app.credentials import lineage
from app.credentials.entries import BadEntry
from app.credentials.health import AccountHealth
from app.credentials.model import Grant, Login, fingerprint

from . import records
from .directories import SHARED_MEMORY, Directories, reason, remove
from .health_files import HealthFiles
from .interface import LEASE_TIMEOUT, busy_error

log = logging.getLogger("kiro2api.credentials")

_ABANDONED = 600.0  # seconds after which no process is still writing a temporary file
_FORGOTTEN = 90 * 86400.0  # seconds after which an unused refresh token has expired


class FileStore:
    """A :class:`~app.credentials.store.interface.TokenStore` in token files and directories."""

    def __init__(
        self,
        directory: Path,
        *,
        shared_memory: Path = SHARED_MEMORY,
        lease_timeout: float = LEASE_TIMEOUT,
    ) -> None:
        self._directories = Directories(directory, shared_memory)
        self._health_files = HealthFiles(self._directories)
        self._lease_timeout = lease_timeout
        self._grants: dict[str, Grant] = {}
        self._newest: dict[str, Grant] = {}
        self._logins: dict[str, Login] = {}
        self._failures: dict[str, str] = {}

    def load(self, login: Login) -> Grant:
        return self.candidates(login)[0]

    def candidates(self, login: Login) -> list[Grant]:
        stored = self.stored(login)
        found = lineage.candidates([*stored, *self.remembered(login, stored)])
        if len(found) == 1:
            self.remember(login, found[0])
        return found

    def stored(self, login: Login) -> list[Grant]:
        """The candidates in the source and in the directories."""
        self._logins[login.account] = login
        found = [self._grants.get(_file_name(login))]
        found += [_read(directory / _file_name(login)) for directory in self._directories]
        source = self._with_past(login)
        # a record follows from the login that it is named after
        stored = [lineage.succeeding(grant, [source]) for grant in found if grant]
        return lineage.candidates([source, *stored])

    def remembered(self, login: Login, stored: Iterable[Grant] = ()) -> list[Grant]:
        """What :meth:`remember` got, if it is the same login as the source holds now, and none of
        ``stored`` has the same refresh token: whoever wrote that knows best which access token.
        """
        grant = self._newest.get(login.account)
        if grant is None or fingerprint(login.secret) not in lineage.names(grant):
            return []
        is_stored = any(lineage.name(one) == lineage.name(grant) for one in stored)
        return [] if is_stored else [grant]

    def remember(self, login: Login, grant: Grant) -> None:
        """This process knows a grant that is the newest. It is a candidate as long as nothing is
        proved to be newer, also if it is lost everywhere else.
        """
        self._newest[login.account] = grant

    def ancestors(self, login: Login) -> tuple[str, ...]:
        """The fingerprints of the refresh tokens that the one in the source replaced."""
        return self._with_past(login).ancestors

    @contextlib.contextmanager
    def lease(self, login: Login) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            lock = self._directories.locked(login.account, self._lease_timeout, beside=login.path)
            try:
                stack.enter_context(lock)
            except TimeoutError:
                raise busy_error(login.source, self._lease_timeout) from None
            self._clean_up(login)
            yield

    def save(self, login: Login, grant: Grant) -> None:
        self._save(login, grant)
        self.remember(login, grant)

    def _save(self, login: Login, grant: Grant) -> None:
        failures: list[str] = []
        source = login.path if login.grant.refresh_token else None
        if source:
            try:
                records.write_back(source, login, grant)
                self._keep_past(grant)
                return self._stored(login, None, failures)
            except OSError as error:
                failures.append(f"{source} cannot be written ({reason(error)})")
        for directory in self._directories:
            try:
                self._directories.make(directory)
                path = directory / _file_name(login)
                files.replace(path, records.encode(grant), private=True)
                return self._stored(login, directory, failures)
            except OSError as error:
                failures.append(f"{directory} cannot be written ({reason(error)})")
        self._grants[_file_name(login)] = grant
        return self._log_change(login, failures)

    def forget(self, login: Login) -> None:
        self._logins.pop(login.account, None)
        self._newest.pop(login.account, None)
        self._grants.pop(_file_name(login), None)
        for directory in self._directories:
            remove(directory / _file_name(login))
            remove(directory / _past_name(login.grant))
        self._health_files.forget(login.account)

    def health(self, login: Login) -> AccountHealth:
        return self._health_files.read(login.account)

    def update_health(
        self, login: Login, change: Callable[[AccountHealth], AccountHealth]
    ) -> AccountHealth:
        return self._health_files.update(login.account, change)

    def is_in_sync(self, login: Login) -> bool:
        return True

    def sync(self) -> None:
        """There are no other hosts."""

    def problems(self) -> list[str]:
        problems = [self._directories.problem(), *map(self._problem, self._logins.values())]
        return [problem for problem in problems if problem]

    def close(self) -> None:
        """Nothing is open."""

    def _clean_up(self, login: Login) -> None:
        """Finish what killed processes left behind, and remove the rest. Needs the lease."""
        if login.path:
            _finish(login.path, login, records.is_document, private=False)
        for directory in self._directories:
            _finish(directory / _file_name(login), login, records.is_record, private=True)
            files.expire(directory, ".*.tmp", _ABANDONED)
            files.expire(directory, "*.json", _FORGOTTEN)

    def _with_past(self, login: Login) -> Grant:
        """The grant in the source, with what :meth:`_keep_past` stored about it."""
        if login.path is None:
            return login.grant
        for directory in self._directories:
            with contextlib.suppress(OSError):
                content = files.read_own(directory / _past_name(login.grant))
                return records.add_past(login.grant, content)
        return login.grant

    def _keep_past(self, grant: Grant) -> None:
        """Store what a token file cannot hold: which tokens this one replaced. If that fails, a
        grant of another host may be tried before this one.
        """
        for directory in self._directories:
            with contextlib.suppress(OSError):
                self._directories.make(directory)
                path = directory / _past_name(grant)
                files.replace(path, records.encode_past(grant), durable=False, private=True)
                for replaced in grant.ancestors[:1]:
                    remove(directory / f"{replaced}.past.json")
                return

    def _stored(self, login: Login, where: Path | None, failures: Sequence[str]) -> None:
        """The newest grant is on disk in ``where`` (None: in its source): remove older ones."""
        self._grants.pop(_file_name(login), None)
        for directory in self._directories:
            if directory != where:
                remove(directory / _file_name(login))
        self._log_change(login, failures)

    def _log_change(self, login: Login, failures: Sequence[str]) -> None:
        """Log once why a grant is not in its proper place, and once when it is there again."""
        self._logins[login.account] = login
        before = self._failures.get(login.account, "")
        why = self._failures[login.account] = " and ".join(failures)
        if why == before:
            return
        if problem := self._problem(login):
            log.error("credential: %s", problem)
        elif why:
            log.info("credential: %s; tokens are stored in %s", why, self._directories.on_disk)
        else:
            log.info(
                "credential: account %s: tokens are stored in their proper place again",
                login.account,
            )

    def _problem(self, login: Login) -> str:
        """What is wrong with the place of the newest grant. Every process finds the same."""
        memory = self._directories.in_memory
        if _file_name(login) in self._grants:
            where, when = "the memory of one process", "when it ends"
        elif memory in self._directories and (memory / _file_name(login)).exists():
            where, when = f"memory ({memory})", "at the next restart of the host"
        else:
            return ""
        why = self._failures.get(login.account) or "no place on disk could be written"
        return (
            f"account {login.account}: {why}; its refreshed tokens are stored in {where} and are "
            f"lost {when}"
        )


def _finish(path: Path, login: Login, is_whole: Callable[[bytes], bool], *, private: bool) -> None:
    """Finish a write to ``path`` that was cut short, and remove what cannot be finished."""
    try:
        if files.recover(path, is_whole, private=private):
            log.warning(
                "credential: account %s: a process was killed while it stored a new token; the "
                "token was whole and is used (%s)",
                login.account,
                path,
            )
    except OSError as error:
        log.error("credential: %s cannot be replaced: %s", path, reason(error))
    else:
        files.sweep(path, private=private)


def _file_name(login: Login) -> str:
    return f"{fingerprint(login.secret)}.json"


def _past_name(grant: Grant) -> str:
    return f"{lineage.name(grant)}.past.json"


def _read(path: Path) -> Grant | None:
    """The grant of a record, None if there is no usable record."""
    try:
        return records.decode(files.read_own(path), str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        log.error("credential: %s cannot be read: %s", path, reason(error))
    except BadEntry as problem:
        log.error("credential: %s; its source is used instead", problem)
    return None
