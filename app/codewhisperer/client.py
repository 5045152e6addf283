"""HTTP to the upstream: one session for each worker, where foreign errors become the gateway's own.

Whatever requests or a socket raises leaves here as a :class:`GatewayError`. Nothing is read from
the environment for a call (no .netrc, no proxy variables), no cookie is kept, and the trusted
certificate authorities are loaded once (:mod:`app.common.tls`).
"""

from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from math import inf
from time import monotonic
from typing import Any, cast

import requests
from requests.models import PreparedRequest

from app.codewhisperer.service.error_table import UNREACHABLE
from app.codewhisperer.service.errors import from_response
from app.common.errors import GatewayError, Kind
from app.common.tls import HOW_TO_TRUST, tls_context
from app.upstream import Tap
from app.upstream_http.adapter import StreamingAdapter
from app.upstream_http.body import ResponseBody, TooLarge
from app.upstream_http.errors import ConnectFailed, NameNotResolved

REFUSAL_TIMEOUT = 5.0
"""Seconds for the body of a refusal: the client waits for it, and the status says the most."""

LARGEST_REFUSAL = 64 * 1024
"""Bytes that are read of a refusal's body: what it says comes first."""

LARGEST_REPLY = 4 * 1024 * 1024
"""Bytes of a reply of the control plane, many times what the service sends."""

_CALL_TIMEOUT = 30.0
"""Seconds for the head of the response to a control-plane operation."""


class ResponseStream:
    """A 200 from the upstream whose body is still coming. The caller must close it.

    ``headers`` have lower-case names.
    """

    def __init__(self, response: requests.Response, tap: Tap | None = None) -> None:
        self._response = response
        self._tap = tap
        self._body = cast(ResponseBody, response.raw)
        self.headers: Mapping[str, str] = self._body.headers

    def limit(
        self, *, tick: float, idle: float, deadline: float, setting: str, most: float = inf
    ) -> None:
        """Set the limits of reading.

        ``tick``, ``idle``: seconds of silence between ticks, and until the call fails.
        ``deadline``: the moment (monotonic clock) when the response must be complete, and
        ``setting`` what the error names for it. ``most``: bytes that the response may have.
        """
        self._body.most = most
        wait = self._body.wait
        if wait is not None:
            wait.tick = tick
            wait.idle, wait.idle_name = idle, "KIRO_IDLE_TIMEOUT"
            wait.deadline, wait.deadline_name = deadline, setting

    def __iter__(self) -> Iterator[bytes]:
        """The body as it arrives, b"" at each tick. Raises GatewayError where it breaks off."""
        try:
            pieces = self._response.iter_content(chunk_size=None)
            yield from pieces if self._tap is None else self._shown(pieces, self._tap)
        except requests.RequestException as error:
            raise GatewayError(
                Kind.TRUNCATED, "The upstream's answer broke off before its end; try again."
            ) from error
        except TimeoutError as error:
            raise GatewayError(
                Kind.TIMEOUT, f"The upstream's answer was given up: {error}."
            ) from error
        except TooLarge as error:
            raise GatewayError(
                Kind.CORRUPT,
                "The upstream's answer was given up: it is larger than KIRO_MAX_ANSWER_BYTES.",
            ) from error

    def _shown(self, pieces: Iterator[bytes], tap: Tap) -> Iterator[bytes]:
        try:
            for piece in pieces:
                tap.read(piece)
                if self._body.complete:
                    tap.ended(True)
                yield piece
        except requests.RequestException:
            tap.ended(False)
            raise
        if not self._body.ended_quietly:
            tap.ended(self._body.complete)

    def end_when_quiet(self, silence: float) -> None:
        """From now on the body is over after that many seconds of silence, with inf never. Its
        connection is then closed, since the rest of the body could still come.
        """
        if self._body.wait is not None:
            self._body.wait.quiet = silence

    @property
    def ended_quietly(self) -> bool:
        """Whether silence has ended the body."""
        return self._body.ended_quietly

    @property
    def complete(self) -> bool:
        """Whether HTTP itself proved the body whole; the end of a connection proves nothing."""
        return self._body.complete

    def close(self) -> None:
        """Give a finished connection back to the pool; end an unfinished one, and its request."""
        self._response.close()


class Client:
    """One per worker, shared by its greenlets."""

    def __init__(
        self, *, connections: int, connect_timeout: float, user_agent: str, proxy: str = ""
    ) -> None:
        self._connect_timeout = connect_timeout
        self._agent = user_agent
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._adapter = StreamingAdapter(connections=connections, tls=tls_context())
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, self._adapter)

    def open(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        timeout: float,
        tap: Tap | None = None,
    ) -> ResponseStream:
        """POST a conversation; ``timeout``: seconds until the head of the response must be there.
        ``tap`` is shown the bytes of both.

        It goes to the session's adapter directly: the session's own work (cookies, hooks,
        redirects) would change nothing and cost as much as the request. Raises GatewayError for no
        connection, no response, or any status but 200.
        """
        if tap is not None:
            tap.sent(url, body)
        request = PreparedRequest()  # preparing it would cost more than sending it
        request.method, request.url, request.body = "POST", url, body
        own = {**headers, "Content-Length": str(len(body))}
        request.headers = self._headers(url, own)  # type: ignore[assignment] # a dict, by the docs
        try:
            response = self._adapter.send(
                request,
                stream=True,
                timeout=(self._connect_timeout, timeout),
                proxies=self._proxies,
            )
        except requests.RequestException as error:
            raise connection_error(error, url) from error
        request.body = None  # the response refers to the request
        stream = ResponseStream(response, tap)
        if tap is not None:
            tap.responded(response.status_code, response.headers)
        if response.status_code == 200:
            return stream
        soon = monotonic() + REFUSAL_TIMEOUT
        stream.limit(tick=inf, idle=inf, deadline=soon, setting="the gateway")
        with response:
            body = _beginning(response, LARGEST_REFUSAL)
            if tap is not None:
                tap.read(body)
            raise from_response(response.status_code, response.headers, body)

    def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> bytes:
        """Call a control-plane operation; the whole body of its 200, GatewayError otherwise."""
        try:
            response = self._session.request(
                method,
                url,
                data=body,
                headers=self._headers(url, headers),
                timeout=(self._connect_timeout, _CALL_TIMEOUT),
                proxies=self._proxies,
                allow_redirects=False,
                stream=True,
            )
            with response:
                if response.status_code != 200:
                    body = _beginning(response, LARGEST_REFUSAL)
                    raise from_response(response.status_code, response.headers, body)
                cast(ResponseBody, response.raw).most = LARGEST_REPLY
                return b"".join(response.iter_content(chunk_size=None))
        except requests.RequestException as error:
            raise connection_error(error, url) from error
        except TimeoutError as error:
            raise GatewayError(Kind.TIMEOUT, f"The upstream was given up: {error}.") from error
        except TooLarge as error:
            raise GatewayError(
                Kind.CORRUPT, f"The reply of {host_name(url)} is larger than {LARGEST_REPLY} bytes."
            ) from error

    def _headers(self, url: str, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of every request, and a request's own."""
        common = {"User-Agent": self._agent, "Accept-Encoding": "identity"}
        return {"Host": host_name(url), **common, **headers}

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()


def _beginning(response: requests.Response, most: int) -> bytes:
    """The first ``most`` bytes of the body of a refusal, b"" if it breaks off before."""
    body = b""
    try:
        for piece in response.iter_content(chunk_size=None):
            body += piece
            if len(body) >= most:
                break
    except OSError:  # requests' own errors included, and TimeoutError
        return b""
    return body[:most]


def host_name(url: str) -> str:
    """The host in a URL, with its port if it names one."""
    return url.split("/", 3)[2]


def connection_error(error: requests.RequestException, url: str) -> GatewayError:
    """Why there was no response; the code is :data:`UNREACHABLE` for an unreachable host."""
    host = host_name(url)
    reason: Any = error.args[0] if error.args else error
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return GatewayError(
            Kind.CONNECTION,
            f"No connection to the upstream {host} within KIRO_CONNECT_TIMEOUT.",
            code=UNREACHABLE,
        )
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return GatewayError(
            Kind.CORRUPT, f"The answer of {host} is compressed, unasked; does a proxy do that?"
        )
    if isinstance(error, requests.exceptions.ReadTimeout):
        return GatewayError(
            Kind.TIMEOUT, f"The upstream {host} did not answer in time (KIRO_FIRST_EVENT_TIMEOUT)."
        )
    if isinstance(error, requests.exceptions.SSLError):
        return GatewayError(
            Kind.TLS,
            f"The certificate of the upstream {host} was not accepted ({reason}); {HOW_TO_TRUST}.",
        )
    if isinstance(error, requests.exceptions.ProxyError):
        return GatewayError(
            Kind.CONNECTION, "The proxy KIRO_UPSTREAM_PROXY could not be used; is it running?"
        )
    if isinstance(error, NameNotResolved):
        return GatewayError(
            Kind.CONNECTION, f"The name {host} could not be resolved.", code=UNREACHABLE
        )
    if isinstance(error, ConnectFailed):
        return GatewayError(
            Kind.CONNECTION, f"The upstream {host} refused the connection.", code=UNREACHABLE
        )
    return GatewayError(Kind.CONNECTION, f"The connection to the upstream {host} broke off.")
