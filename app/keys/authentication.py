"""Who may use the gateway."""

from datetime import datetime
from hmac import compare_digest
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, g, request

from app.core.headers import Headers
from app.errors import GatewayError, Kind
from app.web.access import record

from .key_file import ClientKey, KeyFile, digest, now

OWN = "KIRO_CLIENT_TOKEN"
"""The name of the owner's key, which has no limits. No key of the file can have it."""


class Doorkeeper:
    """Knows the client keys and checks requests against them."""

    def __init__(
        self, own: str | None, key_file: KeyFile | None = None, *, only_loopback: bool
    ) -> None:
        self._own = () if own is None else (ClientKey(OWN, digest(own)),)
        self._file = key_file
        self._only_loopback = only_loopback

    def check(self, headers: Headers) -> ClientKey:
        """Whose request it is. Raises GatewayError unless it brings a key and may be served.

        The key may come as ``Authorization: Bearer`` (or bare) or as ``x-api-key``; one right one
        is enough. With the default key only a loopback ``Host`` and ``Origin`` are served, so that
        no web page can reach the gateway through a visitor's browser.
        """
        if self._only_loopback:
            for name in ("Host", "Origin"):
                if (value := headers.get(name)) and not is_loopback(value):
                    raise GatewayError(
                        Kind.PERMISSION,
                        f"The {name} of this request is not loopback, and the default client key "
                        "is for this machine only. Set KIRO_CLIENT_TOKEN to a key of your own.",
                    )
        known = self._own + (self._file.current() if self._file else ())
        given = [digest(key) for key in presented(headers)]
        # all pairs, whichever match: how long it takes tells nothing
        matching = [key for key in known for one in given if compare_digest(one, key.sha256)]
        return _valid(matching, now())


def _valid(matching: list[ClientKey], at: datetime) -> ClientKey:
    for key in matching:
        if not key.is_expired(at):
            return key
    if matching:
        raise GatewayError(
            Kind.AUTHENTICATION,
            f"The client key {matching[0].name!r} expired on {matching[0].expires:%Y-%m-%d}; ask "
            "the owner of this gateway for another.",
        )
    raise GatewayError(
        Kind.AUTHENTICATION,
        "No valid client key: send the value of KIRO_CLIENT_TOKEN, or the key that you were given, "
        "as 'Authorization: Bearer <key>' or 'x-api-key: <key>'.",
    )


def presented(headers: Headers) -> list[str]:
    """Every key the request brings."""
    bearer = headers.get("Authorization") or ""
    scheme, _, rest = bearer.partition(" ")
    return [
        key
        for key in (
            rest.strip() if scheme.lower() == "bearer" else bearer,
            headers.get("x-api-key") or "",
        )
        if key
    ]


def is_loopback(value: str) -> bool:
    """Whether a Host header or an origin names this machine."""
    try:
        host = urlsplit(value if "//" in value else f"//{value}").hostname or ""
        named = host == "localhost" or host.endswith(".localhost")
        return named or ip_address(host).is_loopback
    except ValueError:  # neither a URL nor an address
        return False


def client_key() -> ClientKey:
    """Whose request is being served."""
    key: ClientKey = g.client_key
    return key


def install(app: Flask, doorkeeper: Doorkeeper, *, open_paths: frozenset[str]) -> None:
    """Check every request but those of ``open_paths`` and a browser's preflight."""

    @app.before_request
    def check() -> None:
        current = request._get_current_object()  # type: ignore[attr-defined] # once, not thrice
        if current.method != "OPTIONS" and current.path not in open_paths:
            key = g.client_key = doorkeeper.check(current.headers)
            record().fields["key"] = key.name
