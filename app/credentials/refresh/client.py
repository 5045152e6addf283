"""HTTP client of the sign-in services.

Requests and responses contain secrets: neither is logged, quoted in an error, or attached to an
exception that might be logged. From the environment only the trusted certificate authorities are
read (:mod:`app.common.tls`). No cookies are stored, and redirects are not followed, since they
would send the secrets to another host. Each step of an exchange has a limit of time, and each body
a size, also decoded.
"""

import time
import zlib
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple, cast
from urllib.parse import urlencode

import msgspec
import requests

from app.common.errors import GatewayError, Kind
from app.common.tls import HOW_TO_TRUST, tls_context
from app.common.waits import retry_after
from app.upstream_http.adapter import StreamingAdapter
from app.upstream_http.body import ResponseBody, TooLarge

_RESPONSE_TIMEOUT = 30.0

LARGEST_BODY = 1024 * 1024
"""Bytes, also decoded: a thousand times what a service sends."""


class _BadBody(Exception):
    """Why a body is not read; contains nothing of it."""


class ServiceResponse(NamedTuple):
    """``members`` is empty if the body is not a JSON object."""

    status: int
    members: Mapping[str, Any]
    retry_after: float | None

    def text(self, *names: str) -> str:
        """The first of these members that is a non-empty string, else ""."""
        for name in names:
            value = self.members.get(name)
            if isinstance(value, str) and value:
                return value
        return ""

    def number(self, *names: str) -> float:
        """The first of these members that is a positive number, else 0."""
        for name in names:
            value = self.members.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
                return value
        return 0.0


class ServiceClient:
    """Has its own session; shared by all greenlets of the process.

    ``connect_timeout``: seconds for each step of connecting (TCP, a proxy's answers, TLS).
    ``response_timeout``: seconds for the head of the response; its body must be there within the
    sum of both, from the start of the exchange.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        proxy: str | None = None,
        connect_timeout: float = 10.0,
        response_timeout: float = _RESPONSE_TIMEOUT,
    ) -> None:
        self._timeout = (connect_timeout, response_timeout)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "identity"})
        adapter = StreamingAdapter(connections=0, tls=tls_context(), takes_encoded=True)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, adapter)
        if proxy:
            self._session.proxies = {"http": proxy, "https": proxy}

    def post(
        self, url: str, *, json: Any = None, data: Mapping[str, str] | None = None
    ) -> ServiceResponse:
        """POST ``json``, or ``data`` as a form. Raises GatewayError when there is no whole
        response."""
        if data is None:
            body, media_type = msgspec.json.encode(json), "application/json"
        else:
            body, media_type = urlencode(data).encode(), "application/x-www-form-urlencoded"
        deadline = time.monotonic() + sum(self._timeout)
        try:
            reply = self._session.post(
                url,
                data=body,
                headers={"Content-Type": media_type},
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            with reply:
                content = _read(reply, deadline)
        except _BadBody as error:
            raise GatewayError(
                Kind.UPSTREAM_ERROR,
                f"The sign-in service ({_host(url)}) sent a body that is {error}.",
            ) from None
        except (requests.RequestException, OSError) as error:
            raise _no_response(url, error) from None  # the error holds the request
        after = retry_after(reply.headers.get("retry-after", ""), time.time())
        return ServiceResponse(reply.status_code, _members(content), after)

    def close(self) -> None:
        """Nothing is sent after that. No connection is kept after its exchange: the next is an hour
        away."""
        self._session.close()


def _read(reply: requests.Response, deadline: float) -> bytes:
    """The whole body, decoded. ``deadline`` is on the monotonic clock. Raises _BadBody,
    TimeoutError and the exceptions of requests."""
    raw = cast(ResponseBody, reply.raw)
    raw.most = LARGEST_BODY
    if raw.wait is not None:
        raw.wait.deadline = deadline
    try:
        content = b"".join(reply.iter_content(chunk_size=None))
    except TooLarge:
        raise _BadBody(f"larger than {LARGEST_BODY} bytes") from None
    coding = reply.headers.get("content-encoding", "").strip().lower()
    return content if coding in ("", "identity") else _decoded(content, coding)


def _decoded(content: bytes, coding: str) -> bytes:
    """Although no coding was asked for: the answer to a refresh may hold the only valid login."""
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise _BadBody("in a content coding that was not asked for")
    try:
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)
        decoded = decoder.decompress(content, LARGEST_BODY + 1)
    except zlib.error:
        raise _BadBody("damaged") from None
    if len(decoded) > LARGEST_BODY:
        raise _BadBody(f"larger than {LARGEST_BODY} bytes")
    return decoded


def _members(content: bytes) -> Mapping[str, Any]:
    try:
        members = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


def _host(url: str) -> str:
    return url.split("/")[2] if url.count("/") > 1 else url


def _no_response(url: str, error: Exception) -> GatewayError:
    kind, why = Kind.CONNECTION, f"cannot be reached ({type(error).__name__})"
    if isinstance(error, requests.Timeout | TimeoutError):
        kind, why = Kind.TIMEOUT, "did not respond in time"
    elif isinstance(error, requests.exceptions.SSLError):
        kind, why = Kind.TLS, f"has a certificate that was not accepted; {HOW_TO_TRUST}"
    elif isinstance(error, requests.exceptions.ProxyError):
        why = "cannot be reached through KIRO_UPSTREAM_PROXY"
    return GatewayError(kind, f"The sign-in service ({_host(url)}) {why}.")
