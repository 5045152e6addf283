"""The transport adapter that is mounted on a session of requests.

It sends a request on an idle connection of its pool or on a new one, and returns a response whose
body is read by :class:`.body.ResponseBody`. It uses what requests documents: BaseAdapter, the
attributes of PreparedRequest and Response, and the exceptions.
"""

import ssl
from collections.abc import Mapping
from time import monotonic
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.models import PreparedRequest

from .body import ResponseBody
from .connect import connect, requests_error
from .connection import Connection
from .errors import RemoteProtocolError
from .head import ResponseHead, render_head
from .pool import ConnectionPool
from .route import Destination, find_destination
from .sweeper import Sweeper
from .tls import Tls

BODY_TIMEOUT = 30.0
"""Seconds for a body whose reader sets no limits, such as that of a control-plane call."""


_NEW = vars(requests.Response())
"""What a new response has. Each is one without its making, most of which is a jar for cookies that
nothing puts any into."""


class StreamingAdapter(BaseAdapter):
    """For the greenlets of one thread. Nothing is sent twice: a caller that wants to, may."""

    def __init__(
        self, *, connections: int, tls: ssl.SSLContext, takes_encoded: bool = False
    ) -> None:
        """``connections``: idle ones kept for each origin. ``tls`` verifies hosts and proxies.
        ``takes_encoded``: the reader of a body decodes it by its Content-Encoding, if it has one;
        else such a response is refused.
        """
        super().__init__()
        self._takes_encoded = takes_encoded
        self._tls = Tls(tls)
        self._pool = ConnectionPool(connections)
        self._sweeper = Sweeper(self._pool.close_dropped)

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a request whose body is bytes or None; its response, with the body still to come.

        The headers of the response are a dict with lower-case names.
        ``timeout``: (seconds to connect, seconds for the head of the response). ``proxies``: URLs
        by scheme. ``verify`` and ``cert`` have no effect: certificates are always verified. Raises
        the exceptions of requests.
        """
        url: Any = request.url
        proxy = proxies.get(url.partition(":")[0], "") if proxies else ""
        try:
            destination = find_destination(url, proxy)
        except ValueError as error:
            raise requests.exceptions.InvalidURL(error) from error
        connection, head, received = self._exchange(request, destination, *timeout)
        body = ResponseBody(connection, head, received, self._pool)
        coding = head.headers.get("content-encoding", "identity")
        if coding != "identity" and not self._takes_encoded:
            body.close()
            raise requests.exceptions.ContentDecodingError
        if body.wait is not None:
            body.wait.deadline = monotonic() + BODY_TIMEOUT
        return _response(request, head, body)

    def _exchange(
        self,
        request: PreparedRequest,
        destination: Destination,
        connect_timeout: float,
        read_timeout: float,
    ) -> tuple[Connection, ResponseHead, bytes]:
        """Send the request; the connection, the head of the response and what came with it."""
        route, target, proxy_headers, authority = destination
        headers: Mapping[str, str] = request.headers
        if proxy_headers or "Host" not in headers:  # a caller with many requests names it
            headers = {"Host": authority, **headers, **proxy_headers}
        head = render_head(request.method or "GET", target, headers)
        body: Any = request.body or b""
        connection = idle = self._pool.take(route)
        if connection is None:
            connection = connect(route, connect_timeout, self._tls)
        try:
            return connection, *connection.exchange(head, body, read_timeout, self._sweeper)
        except (OSError, RemoteProtocolError) as error:
            connection.close()
            if idle is not None and isinstance(error, ssl.SSLError):
                # the peer ended the connection meanwhile; this says nothing about its certificate
                raise requests.ConnectionError(error) from error
            raise requests_error(error) from error
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()


def _response(
    request: PreparedRequest, head: ResponseHead, body: ResponseBody
) -> requests.Response:
    response = requests.Response.__new__(requests.Response)
    vars(response).update(_NEW)
    response.status_code = head.status
    response.reason = head.reason
    response.headers = head.headers  # type: ignore[assignment] # 2 us less than requests' own type
    response.raw = body
    response.url = request.url or ""
    response.request = request
    return response
