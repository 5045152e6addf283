"""Who may use the gateway."""

import hmac
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, request

from app.core.headers import Headers
from app.errors import GatewayError, Kind


class Doorkeeper:
    """Holds the client key and checks requests against it."""

    def __init__(self, key: str, *, only_loopback: bool) -> None:
        self._key = key.encode()
        self._only_loopback = only_loopback

    def check(self, headers: Headers) -> None:
        """Raise GatewayError unless the request brings the key and may be served.

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
        if not any([self._is_key(given) for given in presented(headers)]):  # noqa: C419
            raise GatewayError(
                Kind.AUTHENTICATION,
                "No valid client key: send the value of KIRO_CLIENT_TOKEN as "
                "'Authorization: Bearer <key>' or 'x-api-key: <key>'.",
            )

    def _is_key(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._key)


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
    host = urlsplit(value if "//" in value else f"//{value}").hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def install(app: Flask, doorkeeper: Doorkeeper, *, open_paths: frozenset[str]) -> None:
    """Check every request but those of ``open_paths`` and a browser's preflight."""

    @app.before_request
    def check() -> None:
        if request.method != "OPTIONS" and request.path not in open_paths:
            doorkeeper.check(request.headers)
