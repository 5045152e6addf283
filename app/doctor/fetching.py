"""HTTP requests of an examination: every status is an answer, and failures are told apart."""

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import requests
from requests.exceptions import ProxyError, SSLError

from app.common.tls import tls_context
from app.upstream_http.adapter import StreamingAdapter
from app.upstream_http.errors import NameNotResolved

_MOST = 256 * 1024


class NoAnswer(Exception):
    """Why there was no answer. ``reason`` is one of ``name``, ``proxy``, ``tls``, ``timeout`` and
    ``connection``; the message completes "The host ...".
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Answer(NamedTuple):
    """``headers`` have lower-case names. ``seconds``: from the request to the head."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class Fetcher:
    """Follows no redirect and reads nothing from the environment but the trusted authorities."""

    def __init__(self, proxy: str | None, timeout: float) -> None:
        self._timeout = (timeout, timeout)
        self._session = requests.Session()
        self._session.trust_env = False
        adapter = StreamingAdapter(connections=0, tls=tls_context(), takes_encoded=True)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, adapter)
        if proxy:
            self._session.proxies = {"http": proxy, "https": proxy}

    def fetch(self, url: str, headers: Mapping[str, str] = {}, body: bytes | None = None) -> Answer:
        """GET, or POST with a body. Raises NoAnswer."""
        started = time.monotonic()
        with self._open(url, headers, body) as reply:
            seconds = time.monotonic() - started
            content = b""
            for piece in _pieces(reply):
                content += piece
                if len(content) > _MOST:
                    break
            return Answer(reply.status_code, dict(reply.headers), content, seconds)

    def arrivals(self, url: str, headers: Mapping[str, str]) -> tuple[Answer, list[float]]:
        """The answer to a GET, and the moments (monotonic clock) at which pieces of it came.
        Raises NoAnswer.
        """
        started = time.monotonic()
        with self._open(url, headers, None) as reply:
            seconds, body, moments = time.monotonic() - started, b"", []
            for piece in _pieces(reply):
                body += piece
                moments.append(time.monotonic())
            return Answer(reply.status_code, dict(reply.headers), body, seconds), moments

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _open(self, url: str, headers: Mapping[str, str], body: bytes | None) -> requests.Response:
        try:
            return self._session.request(
                "GET" if body is None else "POST",
                url,
                headers={"Accept-Encoding": "identity", **headers},
                data=body,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, OSError) as error:
            raise no_answer(error) from None


def no_answer(error: Exception) -> NoAnswer:
    """The failure of a connection, in words."""
    if isinstance(error, NameNotResolved):
        return NoAnswer("name", "has a name that cannot be resolved")
    if isinstance(error, ProxyError):
        return NoAnswer("proxy", f"cannot be reached through the proxy ({_inner(error)})")
    if isinstance(error, SSLError):
        return NoAnswer("tls", f"has a certificate that is not trusted ({_inner(error)})")
    if isinstance(error, requests.Timeout | TimeoutError):
        return NoAnswer("timeout", "does not answer in time")
    return NoAnswer("connection", f"cannot be connected to ({_inner(error)})")


def _inner(error: Exception) -> str:
    """The reason inside the exception of requests, which holds no URL."""
    inner = error.args[0] if error.args else error
    verify = getattr(inner, "verify_message", "")
    return verify or getattr(inner, "strerror", None) or str(inner) or type(error).__name__


def _pieces(reply: requests.Response) -> Iterator[bytes]:
    try:
        yield from (piece for piece in reply.iter_content(chunk_size=None) if piece)
    except (requests.RequestException, OSError) as error:
        raise no_answer(error) from None
