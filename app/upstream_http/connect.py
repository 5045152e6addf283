"""Opening connections: directly or by a proxy (HTTP, HTTPS, SOCKS), with TLS where the URL has it.

The exceptions are those of requests, by the step that failed: before the peer was reached
NameNotResolved, ConnectTimeout, ConnectFailed or ProxyError, later SSLError, ConnectTimeout or
ConnectionError.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import requests
import socks  # type: ignore[import-untyped]
from requests.exceptions import ProxyError, SSLError

from app.common.sockets import send_all

from .connection import READ_SIZE, Connection, receive_head
from .errors import ConnectFailed, NameNotResolved, RemoteProtocolError
from .head import render_head
from .route import Route, port_of, proxy_credentials
from .sweeper import seconds_until
from .tls import Tls

_SOCKS = {  # scheme: version, and whether the proxy resolves the host name
    "socks4": (socks.SOCKS4, False),
    "socks4a": (socks.SOCKS4, True),
    "socks5": (socks.SOCKS5, False),
    "socks5h": (socks.SOCKS5, True),
}


def connect(route: Route, timeout: float, tls: Tls) -> Connection:
    """Open a connection. ``timeout``: seconds for each step (TCP, proxy, TLS) and address.

    ``tls`` verifies the origin, and the proxy where that speaks TLS.
    """
    proxy = urlsplit(route.proxy)
    if not route.proxy:
        sock: Any = _connect_directly(route, timeout)
    elif route.uses_http_proxy:
        sock = _connect_to_proxy(proxy, timeout, tls)
    else:
        sock = _connect_by_socks(route, proxy, timeout)
    with _closed_on_failure(sock):
        if route.scheme == "https":
            if route.uses_http_proxy:
                _open_tunnel(sock, route, proxy, timeout)
            sock = tls.start(sock, route.host, route.port, timeout)
        return Connection(sock, route)


@contextmanager
def _closed_on_failure(sock: Any) -> Iterator[None]:
    try:
        yield
    except (OSError, RemoteProtocolError) as error:
        sock.close()
        if isinstance(error, requests.RequestException):
            raise
        if isinstance(error, TimeoutError):  # of the proxy, or of the handshake
            raise requests.ConnectTimeout(error) from error
        raise requests_error(error) from error
    except BaseException:
        sock.close()
        raise


def requests_error(error: OSError | RemoteProtocolError) -> requests.RequestException:
    """What requests calls the failure of a connection that was just opened."""
    if isinstance(error, TimeoutError):
        return requests.ReadTimeout(error)
    if isinstance(error, ssl.SSLError):
        return SSLError(error)
    return requests.ConnectionError(error)


def _connect_directly(route: Route, timeout: float) -> socket.socket:
    try:
        return _tcp(route.host, route.port, timeout)
    except (socket.gaierror, UnicodeError) as error:  # the latter for a label that is too long
        raise NameNotResolved(error) from error
    except TimeoutError as error:
        raise requests.ConnectTimeout(error) from error
    except OSError as error:
        raise ConnectFailed(error) from error


def _tcp(host: str, port: int, timeout: float) -> socket.socket:
    sock = socket.create_connection((host, port), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _connect_to_proxy(proxy: SplitResult, timeout: float, tls: Tls) -> Any:
    """A connection to an HTTP proxy, with TLS for an https:// one. Raises ProxyError."""
    host = proxy.hostname or ""
    try:
        sock = _tcp(host, port_of(proxy), timeout)
    except (OSError, UnicodeError) as error:
        raise ProxyError(error) from error
    try:
        return tls.start(sock, host, port_of(proxy), timeout) if proxy.scheme == "https" else sock
    except TimeoutError as error:
        raise requests.ConnectTimeout(error) from error
    except (OSError, UnicodeError) as error:
        raise ProxyError(error) from error


def _open_tunnel(sock: Any, route: Route, proxy: SplitResult, timeout: float) -> None:
    """Have the proxy connect to the origin (RFC 9110, section 9.3.6), within ``timeout`` seconds
    however slowly its answer comes."""
    deadline = monotonic() + timeout

    def receive() -> bytes:
        sock.settimeout(seconds_until(deadline))
        data: bytes = sock.recv(READ_SIZE)
        return data

    host = f"[{route.host}]" if ":" in route.host else route.host
    authority = f"{host}:{route.port}"
    headers = {"Host": authority, **proxy_credentials(proxy)}
    send_all(sock, render_head("CONNECT", authority, headers))
    head, rest = receive_head(receive)
    sock.settimeout(timeout)
    if head.status != 200:
        raise ProxyError(f"the proxy answered CONNECT with the status {head.status}")
    if rest:
        raise RemoteProtocolError("bytes behind the answer to CONNECT")


class _SocksSocket(socks.socksocket):  # type: ignore[misc] # PySocks has no types
    """Its timeout limits the connection to the proxy, and then all of the proxy's answers together:
    PySocks reads them in pieces, and would wait as long for each.
    """

    _deadline: float | None = None

    def recv_into(self, *arguments: Any) -> int:
        """As for a socket."""
        if self._deadline is None:
            self._deadline = monotonic() + self.gettimeout()
        self.settimeout(seconds_until(self._deadline))
        read: int = super().recv_into(*arguments)
        return read


def _connect_by_socks(route: Route, proxy: SplitResult, timeout: float) -> Any:
    try:
        found = socket.getaddrinfo(proxy.hostname, proxy.port, 0, socket.SOCK_STREAM)
        *others, last = dict.fromkeys(family for family, *_ in found)
        for family in others:
            with suppress(OSError):
                return _by_socks(family, route, proxy, timeout)
        return _by_socks(last, route, proxy, timeout)
    except OSError as error:
        reason = error.socket_err if isinstance(error, socks.ProxyError) else error
        if isinstance(reason, TimeoutError):
            raise requests.ConnectTimeout(error) from error
        raise ConnectFailed(error) from error


def _by_socks(family: int, route: Route, proxy: SplitResult, timeout: float) -> Any:
    version, resolves = _SOCKS[proxy.scheme]
    name = unquote(proxy.username) if proxy.username else None
    password = unquote(proxy.password) if proxy.password else None
    sock = _SocksSocket(family)
    try:
        sock.set_proxy(version, proxy.hostname, proxy.port, resolves, name, password)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout)
        sock.connect((route.host, route.port))
        sock.settimeout(timeout)
    except BaseException:
        sock.close()
        raise
    return sock
