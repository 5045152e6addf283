"""The file of client keys, ``KIRO_CLIENT_KEYS_FILE``: who may use the gateway, and how much of it.

A JSON object with one member ``keys``, an array of objects: see :class:`ClientKey`. Of a key itself
only its SHA-256 is kept; that needs no salt and no slow hash, since a key is 256 random bits and
not a chosen password. The file may be edited by hand; a change takes effect without a restart.
"""

import contextlib
import hashlib
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from app.common import files
from app.common.program import command

log = logging.getLogger("kiro2api.keys")

PREFIX = "sk-kiro-"
"""Of new keys. Some clients accept only keys that begin with ``sk-``."""

OWN = "KIRO_CLIENT_TOKEN"
"""The name of the owner's key, which has no limits. No key of the file can have this name."""

_TRIES = 3

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
AtLeastOne = Annotated[int, Meta(ge=1)]
Credits = Annotated[float, Meta(ge=0.000001, le=1e9)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class FormerKey(Struct, frozen=True, forbid_unknown_fields=True):
    """A key that was replaced by another of the same name, and is accepted ``until`` then."""

    sha256: Digest
    until: Annotated[datetime, Meta(tz=True)]


class ClientKey(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is kept of one client's key; a limit that is None does not apply.

    ``sha256`` in hexadecimal. ``models`` in any spelling that requests may use. ``expires`` is the
    moment from which the key is refused. Budgets (:mod:`.budgets`) and what was spent go by the
    name, so they outlive a rotation. ``former``: what the key was before.
    """

    name: Name
    sha256: Digest
    models: Annotated[tuple[str, ...], Meta(min_length=1)] | None = None
    requests_per_minute: AtLeastOne | None = None
    concurrent_streams: AtLeastOne | None = None
    expires: Annotated[datetime, Meta(tz=True)] | None = None
    tokens_per_minute: AtLeastOne | None = None
    credits_per_day: Credits | None = None
    credits_per_week: Credits | None = None
    credits_per_month: Credits | None = None
    former: tuple[FormerKey, ...] = ()

    def is_expired(self, now: datetime) -> bool:
        """Whether the key has expired at that moment."""
        return self.expires is not None and self.expires <= now


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    keys: tuple[ClientKey, ...]


class KeysError(Exception):
    """The file cannot be used; the message says why and what to do, without secrets."""


def digest(key: str) -> str:
    """The SHA-256 of a key as clients send it."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def new_key() -> str:
    """A key of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def read(path: Path) -> tuple[ClientKey, ...]:
    """The keys in the file. Raises :class:`KeysError`."""
    try:
        return decode(path.read_bytes())
    except FileNotFoundError:
        raise KeysError(
            f"{path}: there is no such file; `{command()} keys add` creates it"
        ) from None
    except OSError as error:
        raise KeysError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise KeysError(f"{path}: {error}") from None


def decode(content: bytes) -> tuple[ClientKey, ...]:
    """The keys in the content of a file. Raises ValueError."""
    found = msgspec.json.decode(content, type=_File).keys
    digests = [key.sha256 for key in found]
    digests += [former.sha256 for key in found for former in key.former]
    for member, values in (("name", [key.name for key in found]), ("sha256", digests)):
        if twice := {value for value in values if values.count(value) > 1}:
            raise ValueError(f"two keys have the {member} {min(twice)}")
    return found


def change(
    path: Path, make: Callable[[Sequence[ClientKey]], Iterable[ClientKey]]
) -> tuple[ClientKey, ...]:
    """Replace the keys in the file by ``make(keys)``, and return them; a missing file is empty.

    ``make`` is called again if another process changed the file meanwhile. Raises
    :class:`KeysError`.
    """
    for _ in range(_TRIES):
        try:
            before = path.read_bytes() if path.exists() else None
            keys = tuple(make(decode(before) if before is not None else ()))
            content = msgspec.json.format(msgspec.json.encode(_File(keys)), indent=2) + b"\n"
            files.replace(path, content, expected=before)
        except files.Changed:
            continue
        except OSError as error:
            raise KeysError(f"{path}: {error.strerror}") from None
        except ValueError as error:
            raise KeysError(f"{path}: {error}") from None
        return keys
    raise KeysError(f"{path}: another process keeps changing it; try again")


class KeyFile:
    """The keys in the file now.

    While the file cannot be used, its former keys stay valid, and the log says what is wrong. A
    worker that starts meanwhile finds them in ``directory``, where each that reads the file keeps a
    copy; without one, or if the file is gone, it has no keys.
    """

    def __init__(self, path: Path, directory: Path | None = None) -> None:
        self._path = path
        self._copy = directory and directory / f"client-keys-{digest(str(path))[:16]}.json"
        self._seen: object = ()
        self._keys: tuple[ClientKey, ...] = ()

    def current(self) -> tuple[ClientKey, ...]:
        """All keys, expired ones included."""
        stamp = self._stamp()
        if stamp != self._seen:
            is_first, self._seen = self._seen == (), stamp
            self._load(is_first=is_first)
        return self._keys

    def _load(self, *, is_first: bool) -> None:
        try:
            self._keys = read(self._path)
        except KeysError as error:
            if is_first and self._seen is not None:
                self._keys = self._kept()
            log.error("client keys are unchanged: %s", error)
        else:
            self._keep()
            log.info("client keys: %s", ", ".join(key.name for key in self._keys) or "none")

    def _kept(self) -> tuple[ClientKey, ...]:
        """The keys that another worker has read last."""
        with contextlib.suppress(OSError, ValueError):
            return decode(files.read_own(self._copy)) if self._copy else ()
        return ()

    def _keep(self) -> None:
        """For workers that start while the file is damaged; another may have kept them already."""
        if self._copy is None or self._kept() == self._keys:
            return
        try:
            files.private_directory(self._copy.parent)
            if not files.why_unsafe(self._copy.parent):
                content = msgspec.json.encode(_File(self._keys))
                files.replace(self._copy, content, durable=False, private=True)
        except OSError as error:
            log.info("the client keys are not kept for workers that start later: %s", error)

    def _stamp(self) -> object:
        """A value that changes with the file; None if there is no such file."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


def now() -> datetime:
    """The moment that expiry is compared with."""
    return datetime.now(UTC)
