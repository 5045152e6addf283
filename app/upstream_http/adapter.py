"""requests' transport to the upstream: its own extension point, an adapter mounted on the session.

It makes of each response one whose body is read by :class:`.body.Body`, and goes the short way
where a connection is open already.
"""

from http.client import HTTPException
from time import monotonic
from typing import Any, cast

import requests
from requests.models import PreparedRequest
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from app.tls import TrustingAdapter

from .body import Body
from .connection import POOLS, SOCKS_POOLS, Head
from .pool import close_dropped
from .sweeper import Sweeper

BODY_TIMEOUT = 30.0
"""Seconds for the body of an answer whose reader sets no limits, as of a control-plane call."""

MAX_HOSTS = 64
"""Hosts with a pool of connections: some of each generation and region, the sign-in services."""


class DrainingAdapter(TrustingAdapter):
    """requests' transport, with :class:`Body` as what is read of a response."""

    def __init__(self, *, connections: int) -> None:
        self._sweeper = Sweeper(self.close_dropped)
        self._pools: dict[str, Any] = {}
        super().__init__(pool_connections=MAX_HOSTS, pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        socks = proxy.startswith("socks")
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
        except (OSError, HTTPException, HTTPError) as error:
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
