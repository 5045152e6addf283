"""Who is logged in: a signed cookie, which holds no key, and ends with its key.

The cookie names the key and has a fingerprint of its digest under the signing key of this host, so
that it is of no use for anything else. It also has a random value, which forms and scripts of the
page must repeat, and which no other site can read.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import NamedTuple

from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.common import files
from app.core.headers import Headers
from app.keys.authentication import Authenticator
from app.keys.key_file import OWN, ClientKey

COOKIE = "kiro2api_session"
PROOF = "x-kiro-page"
"""The header in which a script of the page repeats the session's random value."""

LASTS = 12 * 3600
"""Seconds until a session ends by itself."""

FILE = "page.key"
_BYTES = 32


class Session(NamedTuple):
    """``key`` is the key that logged in; ``proof`` the random value of the session."""

    key: ClientKey
    proof: str

    @property
    def is_owner(self) -> bool:
        """Whether everything may be shown."""
        return self.key.name == OWN


class Sessions:
    """Makes and checks the cookies of a host; all its workers share the file ``FILE``."""

    def __init__(self, directory: Path, authenticator: Authenticator) -> None:
        self._path = directory / FILE
        self._authenticator = authenticator
        self._secret = b""

    def log_in(self, given: str, headers: Headers) -> str:
        """The cookie for whoever has this key. Raises GatewayError, and OSError if the signing key
        can be neither read nor made."""
        key = self._authenticator.log_in(given, headers)
        content = [key.name, self._fingerprint(key), secrets.token_urlsafe(16)]
        return str(self._signer().dumps(content))

    def find(self, cookie: str | None) -> Session | None:
        """The session of a cookie; None if it is not ours or is over, or its key was replaced,
        removed or has expired. Raises OSError as :meth:`log_in` does.
        """
        if not cookie:
            return None
        try:
            name, fingerprint, proof = self._signer().loads(cookie, max_age=LASTS)
        except (BadSignature, ValueError):
            return None
        key = self._authenticator.named(name)
        if key is None or not hmac.compare_digest(self._fingerprint(key), fingerprint):
            return None
        return Session(key, proof)

    def proved(self, cookie: str | None, proof: str) -> Session | None:
        """The session, if whoever asks knows its random value as well."""
        found = self.find(cookie)
        is_ours = found is not None and hmac.compare_digest(found.proof.encode(), proof.encode())
        return found if is_ours else None

    def _fingerprint(self, key: ClientKey) -> str:
        return hmac.new(self._signing_key(), key.sha256.encode(), hashlib.sha256).hexdigest()[:32]

    def _signer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            self._signing_key(), salt="session", signer_kwargs={"digest_method": hashlib.sha256}
        )

    def _signing_key(self) -> bytes:
        if not self._secret:
            self._secret = _shared(self._path)
        return self._secret


def _shared(path: Path) -> bytes:
    """The signing key in this file, made if it is not there; another worker may be first."""
    files.private_directory(path.parent)
    if why := files.why_unsafe(path.parent):
        raise PermissionError(f"{path.parent}: {why}")
    with contextlib.suppress(FileNotFoundError):
        return files.read_own(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
    return files.read_own(path)
