"""Connections of urllib3's pools that speak the HTTP/1.1 this client needs, and cost little.

urllib3 makes, checks, tunnels and pools them, and maps what goes wrong. What it leaves to
http.client is done here: a request leaves in one write, and of a response only the head is read,
by a few splits; http.client parses it as it would an e-mail.
"""

import http.client
import re
from collections.abc import Mapping
from queue import Empty, Full
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection
from urllib3.exceptions import InvalidHeader

from app.sockets import send_all

from .pool import is_readable

JOINED = 64 * 1024
"""Bytes of the longest body that is copied behind its head to leave in one write."""

READ_SIZE = 64 * 1024
LONGEST_HEAD, MOST_HEADERS = 64 * 1024, 100
"""Of a response, in bytes; as http.client bounds a line of it."""

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


class Head:
    """The head of a response, and the connection that its body is still on.

    ``headers`` have lower-case names, repeated ones joined by commas. ``length`` is the body's in
    bytes, None if only its framing (``chunked``) or the end of the connection tells. ``rest`` is
    what of the body was read together with the head. The members with an underscore, and
    ``retries``, are set and read by urllib3.
    """

    length_remaining: int | None = None

    def __init__(self, status: int, reason: str, version: str, headers: dict[str, str]) -> None:
        self.status = status
        self.reason = reason
        self.version_string = version
        self.headers = headers
        self.chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self.length = 0 if status in (204, 304) else self._length()
        self.rest = b""
        self.socket: Any = None
        self.retries: Any = None
        self._connection: Any = None
        self._pool: Any = None

    def _length(self) -> int | None:
        length = self.headers.get("content-length")
        if length is None or self.chunked:
            return None
        if not length.isdecimal():
            raise http.client.HTTPException("no length in a response's Content-Length")
        return int(length)

    @property
    def ends_with_connection(self) -> bool:
        """Whether nothing but the end of the connection tells the body's."""
        return self.length is None and not self.chunked

    def on(self, connection: Any, pool: Any) -> None:
        """Whose response it is, as urllib3 says it too."""
        self._connection, self._pool = connection, pool

    def release(self, *, whole: bool) -> None:
        """Done with the body: keep the connection if that was read whole, else end it. Once."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        keep = self.headers.get("connection", "").lower()
        if not whole or keep == "close" or (self.version_string == "HTTP/1.0" and not keep):
            connection.close()
        self._pool._put_conn(connection)


def read_head(data: bytes) -> Head:
    """``data`` is the head without the empty line at its end. Raises HTTPException."""
    if len(data) > LONGEST_HEAD:
        raise http.client.LineTooLong("the head of a response")
    first, *lines = data.decode("latin-1").split("\n")
    version, _, rest = first.rstrip("\r").partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or len(status) != 3 or not status.isdecimal():
        raise http.client.BadStatusLine("no HTTP/1 response")
    if len(lines) > MOST_HEADERS:
        raise http.client.HTTPException(f"more than {MOST_HEADERS} headers in a response")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Head(int(status), reason, version, headers)


class _Lean:
    """Mixed into a connection of urllib3's."""

    sock: Any
    timeout: Any
    host: str

    def request(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> None:
        """Send a request. ``headers`` are all that is sent, and must name the Host and the length
        of the body."""
        lines = [f"{method} {url} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        head = "\r\n".join(lines)
        if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
            raise InvalidHeader("a line break in a header of a request")
        data = (head + "\r\n\r\n").encode("latin-1")
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        else:
            self.sock.settimeout(self.timeout)
        if body and len(body) <= JOINED:
            data, body = data + body, None
        try:
            send_all(self.sock, data)
            if body:
                send_all(self.sock, body)
        except (BrokenPipeError, ConnectionResetError):
            return  # it may have answered before it closed

    def getresponse(self) -> Head:
        """The head of the response, once it is there."""
        self.sock.settimeout(self.timeout)
        data = b""
        while True:
            end = _END_OF_HEAD.search(data)
            if end is None:
                data += self._receive(len(data))
                continue
            head = read_head(data[: end.start()])
            data = data[end.end() :]
            if head.status >= 200:
                head.rest, head.socket = data, self.sock
                return head

    def _receive(self, before: int) -> bytes:
        """More of a head of which so many bytes have come."""
        if before > LONGEST_HEAD:
            raise http.client.LineTooLong("the head of a response")
        data: bytes = self.sock.recv(READ_SIZE)
        if not data and not before:
            raise http.client.RemoteDisconnected("closed without a response")
        if not data:
            raise http.client.IncompleteRead(b"")
        return data

    @property
    def is_connected(self) -> bool:
        """Whether the other side has neither closed an idle connection nor sent into it."""
        return self.sock is not None and not is_readable(self.sock)


class PlainConnection(_Lean, HTTPConnection):  # type: ignore[misc]
    """HTTP without TLS."""


class TlsConnection(_Lean, HTTPSConnection):  # type: ignore[misc]
    """HTTP over TLS."""


class SocksPlainConnection(_Lean, SOCKSConnection):  # type: ignore[misc]
    """HTTP through a SOCKS proxy."""


class SocksTlsConnection(_Lean, SOCKSHTTPSConnection):  # type: ignore[misc]
    """HTTP over TLS through a SOCKS proxy."""


class Stack:
    """What a pool keeps its idle connections in, the newest on top.

    urllib3's queue could be waited on, for which it takes locks; none is needed, since a list's
    own methods are atomic.
    """

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self.queue: list[Any] = []

    def get(self, block: bool = False, timeout: float | None = None) -> Any:
        """The newest. Raises Empty."""
        try:
            return self.queue.pop()
        except IndexError:
            raise Empty from None

    def put(self, item: Any, block: bool = False, timeout: float | None = None) -> None:
        """Raises Full."""
        if len(self.queue) >= self.maxsize:
            raise Full
        self.queue.append(item)

    def qsize(self) -> int:
        """How many there are."""
        return len(self.queue)


class _LeanPool:
    """Mixed into a pool of urllib3's."""

    QueueCls: Any = Stack
    pool: Stack | None

    def take_open(self) -> Any:
        """An idle connection that is still open, for its user to give back; None without one."""
        if self.pool is None or not self.pool.queue:
            return None
        newest = self.pool.queue[-1]
        return self.pool.get() if newest is not None and newest.is_connected else None


class PlainPool(_LeanPool, HTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls: Any = PlainConnection


class TlsPool(_LeanPool, HTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls: Any = TlsConnection


class SocksPlainPool(_LeanPool, HTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls: Any = SocksPlainConnection


class SocksTlsPool(_LeanPool, HTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls: Any = SocksTlsConnection


POOLS = {"http": PlainPool, "https": TlsPool}
SOCKS_POOLS = {"http": SocksPlainPool, "https": SocksTlsPool}
"""For urllib3's ``PoolManager.pool_classes_by_scheme``."""
