"""Who may use the gateway."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from hmac import compare_digest
from ipaddress import ip_address
from itertools import chain
from typing import NamedTuple
from urllib.parse import urlsplit

from app.common.errors import GatewayError, Kind
from app.core.headers import Headers

from .key_file import OWN, ClientKey, KeyFile, digest, now

AUTHORIZATION = "Authorization"
"""The header whose key may follow the scheme ``Bearer``."""


class _Accepted(NamedTuple):
    """A digest that is accepted ``until`` then, None for ever, as that key."""

    sha256: str
    until: datetime | None
    key: ClientKey


class Authenticator:
    """Knows the client keys and checks requests against them."""

    def __init__(
        self,
        own: str | None,
        key_file: KeyFile | None = None,
        *,
        key_headers: Sequence[str],
        only_loopback: bool,
    ) -> None:
        """``own`` is the owner's key; ``key_headers`` name the headers that may bring a key."""
        self._own = () if own is None else (ClientKey(OWN, digest(own)),)
        self._file = key_file
        self._keys: tuple[ClientKey, ...] = ()
        self._accepted = tuple(chain.from_iterable(map(_accepted, self._own)))
        self._key_headers = tuple(key_headers)
        self._only_loopback = only_loopback

    def check(self, headers: Headers) -> ClientKey:
        """The key of a request. Raises GatewayError unless it brings a valid one.

        One valid key is enough, whatever the other headers bring. With the default key only a
        loopback ``Host`` and ``Origin`` are served, so that no web page can reach the gateway
        through a visitor's browser.
        """
        if self._only_loopback:
            _require_loopback(headers)
        return self._find([digest(key) for key in presented(headers, self._key_headers)])

    def log_in(self, key: str, headers: Headers) -> ClientKey:
        """The key that somebody typed into a page. Raises GatewayError as :meth:`check` does, and
        for a key that another has replaced: a session ends with its key.
        """
        if self._only_loopback:
            _require_loopback(headers)
        found = self._find([digest(key)])
        if found.sha256 != digest(key):
            raise GatewayError(
                Kind.AUTHENTICATION,
                f"The client key {found.name!r} was replaced by another: log in with that one.",
            )
        return found

    def named(self, name: str) -> ClientKey | None:
        """The key of that name, None if there is none or it has expired."""
        at = now()
        for known in self._known():
            if known.key.name == name and not known.key.is_expired(at):
                return known.key
        return None

    def is_owner(self, headers: Headers) -> bool:
        """Whether a request brings the owner's key, on a path that needs none."""
        try:
            return self.check(headers).name == OWN
        except GatewayError:
            return False

    def _find(self, given: Sequence[str]) -> ClientKey:
        """The first valid key among those with these digests. Raises GatewayError."""
        # all pairs, also after a match: the time taken reveals nothing
        matching = [
            known for known in self._known() for one in given if compare_digest(one, known.sha256)
        ]
        for known in matching:
            if known.until is None or known.until > now():
                return known.key
        raise self._refusal(matching)

    def _known(self) -> "tuple[_Accepted, ...]":
        """All keys that there are, expired ones included."""
        if self._file is not None and (keys := self._file.current()) is not self._keys:
            self._keys = keys
            self._accepted = tuple(chain.from_iterable(map(_accepted, self._own + keys)))
        return self._accepted

    def _refusal(self, matching: "list[_Accepted]") -> GatewayError:
        if matching:
            _, until, key = matching[0]
            ended = "expired" if key.expires == until else "was replaced, and ended"
            message = (
                f"The client key {key.name!r} {ended} on {until:%Y-%m-%d}; "
                "ask the owner of this gateway for another."
            )
        else:
            ways = " or ".join(
                f"'{name}: {'Bearer ' if name == AUTHORIZATION else ''}<key>'"
                for name in self._key_headers
            )
            message = (
                "No valid client key: send the value of KIRO_CLIENT_TOKEN, or the key that you "
                f"were given, as {ways}."
            )
        return GatewayError(Kind.AUTHENTICATION, message)


def _accepted(key: ClientKey) -> Iterator[_Accepted]:
    """The key itself, and those that it has replaced, of which none outlives it."""
    yield _Accepted(key.sha256, key.expires, key)
    for former in key.former:
        ends = min(former.until, key.expires) if key.expires else former.until
        yield _Accepted(former.sha256, ends, key)


def _require_loopback(headers: Headers) -> None:
    for name in ("Host", "Origin"):
        if (value := headers.get(name)) and not is_loopback(value):
            raise GatewayError(
                Kind.PERMISSION,
                f"The {name} of this request is not loopback, and the default client key is for "
                "this machine only. Set KIRO_CLIENT_TOKEN to a key of your own.",
            )


def presented(headers: Headers, names: Sequence[str]) -> list[str]:
    """Every key that these headers bring; in ``Authorization`` after ``Bearer``, or bare."""
    keys = []
    for name in names:
        key = headers.get(name) or ""
        if name == AUTHORIZATION:
            scheme, _, rest = key.partition(" ")
            key = rest.strip() if scheme.lower() == "bearer" else key
        if key:
            keys.append(key)
    return keys


def is_loopback(value: str) -> bool:
    """Whether a Host header or an origin names this machine."""
    try:
        host = urlsplit(value if "//" in value else f"//{value}").hostname or ""
        named = host == "localhost" or host.endswith(".localhost")
        return named or ip_address(host).is_loopback
    except ValueError:  # neither a URL nor an address
        return False
