"""Sends an alert to its receiver, with one POST of JSON."""

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import gevent
import msgspec

from app.common.tls import tls_context

TIMEOUT = 10.0
"""Seconds for a whole exchange."""


class Undelivered(Exception):
    """Why an alert was not taken; the text holds nothing of the URL, which may be a secret."""


class Receiver:
    """``url``: http or https. Redirects are not followed."""

    def __init__(self, url: str, *, user_agent: str, timeout: float = TIMEOUT) -> None:
        self._url = urlsplit(url)
        self._headers = {"Content-Type": "application/json", "User-Agent": user_agent}
        self._timeout = timeout

    def __repr__(self) -> str:
        return "<Receiver>"

    def send(self, message: dict[str, Any]) -> None:
        """Send it, and wait until it is taken. Raises :class:`Undelivered`."""
        try:
            with gevent.Timeout(self._timeout, TimeoutError("it took too long")):
                status = self._post(msgspec.json.encode(message))
        except (OSError, HTTPException) as error:
            raise Undelivered(f"{type(error).__name__}: {error}") from None
        if not 200 <= status < 300:
            raise Undelivered(f"it answered with status {status}")

    def _post(self, body: bytes) -> int:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            connection: HTTPConnection = HTTPSConnection(
                host, port, timeout=self._timeout, context=tls_context()
            )
        else:
            connection = HTTPConnection(host, port, timeout=self._timeout)
        path = self._url.path or "/"
        try:
            target = f"{path}?{self._url.query}" if self._url.query else path
            connection.request("POST", target, body, self._headers)
            return connection.getresponse().status
        finally:
            connection.close()
