"""HTTP to the upstream: one session for each worker, and the seam where foreign errors end.

Whatever requests, urllib3 or a socket raises leaves here as a :class:`GatewayError`. Nothing of the
environment is read per call (no .netrc, no proxy variables), no cookie is kept, and whom to trust
is settled once (:mod:`app.tls`).
"""

from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from math import inf
from time import monotonic
from typing import Any

import requests
from requests.models import PreparedRequest
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from app.codewhisperer.service.error_table import UNREACHABLE
from app.codewhisperer.service.errors import from_response
from app.errors import GatewayError, Kind
from app.tls import HOW_TO_TRUST
from app.upstream_http.adapter import DrainingAdapter

REFUSAL_TIMEOUT = 5.0
"""Seconds for the body of a refusal, whose status says the most: the client waits for it."""


class Answer:
    """A 200 from the upstream whose body is still coming. Close it, whatever happens."""

    def __init__(self, response: requests.Response) -> None:
        self._response = response
        self._body: Any = response.raw
        self.headers: Mapping[str, str] = response.headers

    def limit(self, *, tick: float, idle: float, deadline: float, setting: str) -> None:
        """Seconds between ticks and of silence allowed; the moment (monotonic) when it must end, by
        which ``setting``.
        """
        wait = self._body.wait
        if wait is not None:
            wait.tick, wait.idle_limit = tick, idle
            wait.deadline, wait.deadline_name = deadline, setting

    def __iter__(self) -> Iterator[bytes]:
        """The body as it arrives, b"" at each tick. Raises GatewayError where it breaks."""
        try:
            yield from self._response.iter_content(chunk_size=None)
        except (requests.RequestException, HTTPError) as error:
            raise GatewayError(
                Kind.TRUNCATED, "The upstream's answer broke off before its end; try again."
            ) from error
        except TimeoutError as error:
            raise GatewayError(
                Kind.TIMEOUT, f"The upstream's answer was given up: {error}."
            ) from error

    @property
    def complete(self) -> bool:
        """Whether HTTP itself proved the body whole; the end of a connection proves nothing."""
        return bool(self._body.complete)

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
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = DrainingAdapter(connections=connections)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, adapter)

    def open(self, url: str, headers: Mapping[str, str], body: bytes, *, timeout: float) -> Answer:
        """POST a conversation; ``timeout``: seconds until the answer's head must be there.

        The session's own preparing and redirecting is left out: it costs as much as the request.
        Raises GatewayError for no connection, no answer, or any status but 200.
        """
        request = PreparedRequest()
        request.method, request.url, request.body = "POST", url, body
        own = {**headers, "Content-Length": str(len(body))}
        request.headers = self._headers(url, own)  # type: ignore[assignment] # as they are sent
        request.hooks = {}
        try:
            adapter = self._session.get_adapter(url)
            response = adapter.send(
                request,
                stream=True,
                timeout=(self._connect_timeout, timeout),
                proxies=self._proxies,
            )
        except requests.RequestException as error:
            raise connection_error(error, url) from error
        answer = Answer(response)
        if response.status_code == 200:
            return answer
        soon = monotonic() + REFUSAL_TIMEOUT
        answer.limit(tick=inf, idle=inf, deadline=soon, setting="the gateway")
        with response:
            raise from_response(response.status_code, response.headers, _content(response))

    def call(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> bytes:
        """A control-plane operation: the whole body of its 200. Raises GatewayError otherwise."""
        try:
            response = self._session.request(
                method,
                url,
                data=body,
                headers=self._headers(url, headers),
                timeout=(self._connect_timeout, 30),
                proxies=self._proxies,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise connection_error(error, url) from error
        except TimeoutError as error:
            raise GatewayError(Kind.TIMEOUT, f"The upstream was given up: {error}.") from error
        if response.status_code != 200:
            raise from_response(response.status_code, response.headers, response.content)
        return response.content

    def _headers(self, url: str, headers: Mapping[str, str]) -> dict[str, str]:
        """What every request sends, and its own."""
        common = {"User-Agent": self._agent, "Accept-Encoding": "identity"}
        return {"Host": _host(url), **common, **headers}

    def close(self) -> None:
        """Close the idle connections."""
        self._session.close()


def _content(response: requests.Response) -> bytes:
    """The body of a refusal; what there is of it when it breaks off."""
    try:
        return response.content
    except (requests.RequestException, HTTPError, OSError):
        return b""


def _host(url: str) -> str:
    return url.split("/", 3)[2]


def connection_error(error: requests.RequestException, url: str) -> GatewayError:
    """No answer at all: why, and for a host that cannot be reached the code :data:`UNREACHABLE`."""
    host = _host(url)
    reason: Any = error.args[0] if error.args else error
    reason = getattr(reason, "reason", reason)
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
    if isinstance(reason, NameResolutionError):
        return GatewayError(
            Kind.CONNECTION, f"The name {host} could not be resolved.", code=UNREACHABLE
        )
    if isinstance(reason, NewConnectionError):
        return GatewayError(
            Kind.CONNECTION, f"The upstream {host} refused the connection.", code=UNREACHABLE
        )
    return GatewayError(Kind.CONNECTION, f"The connection to the upstream {host} broke off.")
