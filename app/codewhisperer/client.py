"""HTTP to the upstream: one session for each worker, and the seam where foreign errors end.

Whatever requests, urllib3 or a socket raises leaves here as a :class:`GatewayError`. Nothing of the
environment is read per call (no .netrc, no proxy variables), no cookie is kept, and one TLS context
serves every connection; ``SSL_CERT_FILE`` adds a CA bundle, as everywhere OpenSSL is used.
"""

import ssl
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from math import inf
from time import monotonic
from typing import Any, cast

import certifi
import requests
from requests.adapters import HTTPAdapter
from requests.models import PreparedRequest
from urllib3.exceptions import (
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
)

from app.errors import GatewayError, Kind

from .body import Body
from .connection import POOLS, SOCKS_POOLS, Head
from .error_table import UNREACHABLE
from .errors import from_response
from .idle import close_dropped
from .sweeper import Sweeper

BODY_TIMEOUT = 30.0
"""Seconds for the body of an answer whose reader sets no limits, as of a control-plane call."""

REFUSAL_TIMEOUT = 5.0
"""Seconds for the body of a refusal, whose status says the most: the client waits for it."""

MAX_HOSTS = 64
"""Hosts with a pool of connections: some of each generation and region, the sign-in services."""


def tls_context() -> ssl.SSLContext:
    """Trusts the system's certificate authorities and certifi's; made once, since that is slow."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class DrainingAdapter(HTTPAdapter):
    """requests' transport, with :class:`Body` as what is read of a response."""

    def __init__(self, *, connections: int, context: ssl.SSLContext) -> None:
        self._context = context
        self._sweeper = Sweeper(self.close_dropped)
        self._pools: dict[str, Any] = {}
        super().__init__(pool_connections=MAX_HOSTS, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        kwargs |= {"ssl_context": self._context, "proxy_ssl_context": self._context}
        socks = proxy.startswith("socks")
        if socks:
            del kwargs["proxy_ssl_context"]
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = SOCKS_POOLS if socks else POOLS
        return manager

    def get_connection_with_tls_context(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """The pool of the URL's host; requests would work out anew which one that is."""
        origin = request.url[: _path_start(request.url)]
        pool = self._pools.get(origin)
        if pool is None:
            pool = super().get_connection_with_tls_context(request, *args, **kwargs)
            self._pools[origin] = pool
        return pool

    def build_response(self, req: PreparedRequest, resp: Any) -> requests.Response:
        """The response without what nobody here reads: cookies, encoding, history. Its headers
        have lower-case names."""
        response = requests.Response.__new__(requests.Response)
        vars(response).update(
            _NOTHING_READ,
            status_code=resp.status,
            headers=resp.headers,
            raw=resp,
            reason=resp.reason,
            request=req,
            url=req.url,
        )
        return response

    def close_dropped(self) -> None:
        """Close the idle connections that the other side has closed."""
        close_dropped(self._pools.values())

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context holds the CA bundle; requests would load it again for each connection."""

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """As requests has it, but for ``timeout``: (seconds to connect, to read)."""
        head = None
        if not options["proxies"]:
            head = self._on_open_connection(request, options["timeout"][1])
        if head is None:
            response = super().send(request, *args, **options)
        else:
            response = self.build_response(request, head)
        body = response.raw = Body(cast(Head, response.raw), self._sweeper)
        if response.headers.get("content-encoding", "identity") != "identity":
            body.close()
            raise requests.exceptions.ContentDecodingError
        if body.wait is not None:
            body.wait.deadline = monotonic() + BODY_TIMEOUT
        return response

    def _on_open_connection(self, request: PreparedRequest, seconds: float) -> Head | None:
        """The response over a connection that waits for a request; None if there is none.

        With such a one nothing is left to be found out: what requests and urllib3 do on the way to
        it (URLs, proxies, timeouts, retries, TLS) costs as much as the request itself. Raises what
        they raise.
        """
        pool = self.get_connection_with_tls_context(request, True)
        connection = pool.take_open()
        if connection is None:
            return None
        url: Any = request.url
        connection.timeout = seconds
        try:
            path = url[_path_start(url) :]
            connection.request(request.method, path, request.body, request.headers)
            head: Head = connection.getresponse()
        except TimeoutError as error:
            _end(connection, pool)
            raise requests.ReadTimeout(ReadTimeoutError(pool, url, str(error))) from error
        except (OSError, HTTPException) as error:
            _end(connection, pool)
            raise requests.ConnectionError(ProtocolError("Connection aborted.", error)) from error
        except BaseException:
            _end(connection, pool)
            raise
        head.on(connection, pool)
        return head


_NOTHING_READ = vars(requests.Response())


def _path_start(url: str) -> int:
    return url.find("/", len("https://"))


def _end(connection: Any, pool: Any) -> None:
    """The pool may open it anew."""
    connection.close()
    pool._put_conn(connection)


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
        adapter = DrainingAdapter(connections=connections, context=tls_context())
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
            Kind.TLS, f"The certificate of the upstream {host} was not accepted: {reason}"
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
