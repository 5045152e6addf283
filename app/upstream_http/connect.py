"""Opening connections: directly or by a proxy (HTTP, HTTPS, SOCKS), with TLS where the URL has it.

The exceptions are those of requests, by the step that failed: before the peer was reached
NameNotResolved, ConnectTimeout, ConnectFailed or ProxyError, later SSLError, ConnectTimeout or
ConnectionError.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import requests
import socks  # type: ignore[import-untyped]
from requests.exceptions import ProxyError, SSLError

from app.sockets import send_all

from .connection import READ_SIZE, Connection, receive_head
from .errors import ConnectFailed, NameNotResolved, RemoteProtocolError
from .head import render_head
from .nested_tls import NestedTlsSocket
from .route import Route, port_of, proxy_credentials

_SOCKS = {  # scheme: version, and whether the proxy resolves the host name
    "socks4": (socks.SOCKS4, False),
    "socks4a": (socks.SOCKS4, True),
    "socks5": (socks.SOCKS5, False),
    "socks5h": (socks.SOCKS5, True),
}


def connect(route: Route, timeout: float, tls: ssl.SSLContext) -> Connection:
    """Open a connection. ``timeout``: seconds for each step (TCP, proxy, TLS) and address.

    ``tls`` verifies the origin, and the proxy where that speaks TLS.
    """
    proxy = urlsplit(route.proxy)
    if not route.proxy:
        sock = _connect_directly(route, timeout)
    elif route.uses_http_proxy:
        sock = _connect_to_proxy(proxy, timeout, tls)
    else:
        sock = _connect_by_socks(route, proxy, timeout)
    with _closed_on_failure(sock):
        if route.scheme == "https":
            if route.uses_http_proxy:
                _open_tunnel(sock, route, proxy, timeout)
            return Connection(start_tls(sock, route.host, tls), route, layered=True)
        return Connection(sock, route, layered=proxy.scheme == "https")


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


def start_tls(sock: Any, host: str, tls: ssl.SSLContext) -> Any:
    """A TLS socket on top of a connected one, which is then its own. Raises OSError."""
    name = host.rstrip(".")
    if isinstance(sock, ssl.SSLSocket):
        return NestedTlsSocket(sock, tls, name)
    wrapped = tls.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
    try:
        wrapped.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return wrapped


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


def _connect_to_proxy(proxy: SplitResult, timeout: float, tls: ssl.SSLContext) -> Any:
    """A connection to an HTTP proxy, with TLS for an https:// one. Raises ProxyError."""
    host = proxy.hostname or ""
    try:
        sock = _tcp(host, port_of(proxy), timeout)
        return start_tls(sock, host, tls) if proxy.scheme == "https" else sock
    except (OSError, UnicodeError) as error:
        raise ProxyError(error) from error


def _open_tunnel(sock: Any, route: Route, proxy: SplitResult, timeout: float) -> None:
    """Have the proxy connect to the origin (RFC 9110, section 9.3.6), within ``timeout`` seconds
    however slowly its answer comes."""
    deadline = monotonic() + timeout

    def receive() -> bytes:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError("the proxy took too long to answer CONNECT")
        sock.settimeout(left)
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


def _connect_by_socks(route: Route, proxy: SplitResult, timeout: float) -> Any:
    version, resolves = _SOCKS[proxy.scheme]
    try:
        sock = socks.create_connection(
            (route.host, route.port),
            timeout=timeout,
            proxy_type=version,
            proxy_addr=proxy.hostname,
            proxy_port=proxy.port,
            proxy_rdns=resolves,
            proxy_username=unquote(proxy.username) if proxy.username else None,
            proxy_password=unquote(proxy.password) if proxy.password else None,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
    except OSError as error:
        reason = error.socket_err if isinstance(error, socks.ProxyError) else error
        if isinstance(reason, TimeoutError):
            raise requests.ConnectTimeout(error) from error
        raise ConnectFailed(error) from error
    return sock
