"""Connections of urllib3's pools that speak the HTTP/1.1 this client needs, and cost little.

urllib3 makes, checks, tunnels and pools them, and maps what goes wrong. What it leaves to
http.client is done here: a request leaves in one write, and of a response only the head is read,
by a few splits; http.client parses it as it would an e-mail.
"""

import http.client
from collections.abc import Mapping
from socket import MSG_PEEK
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection
from urllib3.exceptions import InvalidHeader

JOINED = 64 * 1024
"""Bytes of the longest body that is copied behind its head to leave in one write."""

LONGEST_LINE, MOST_HEADERS = 64 * 1024, 100
"""Of a response's head; as in http.client."""


class Head:
    """The head of a response, and the connection that its body is still on.

    ``headers`` have lower-case names, repeated ones joined by commas. ``length`` is the body's in
    bytes, None if only its framing (``chunked``) or the end of the connection tells. The members
    with an underscore, and ``retries``, are set and read by urllib3.
    """

    length_remaining: int | None = None

    def __init__(self, status: int, reason: str, version: str, headers: dict[str, str]) -> None:
        self.status = status
        self.reason = reason
        self.version_string = version
        self.headers = headers
        self.chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self.length = 0 if status in (204, 304) else self._length()
        self.file: Any = None
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

    def release(self, *, whole: bool) -> None:
        """Done with the body: keep the connection if that was read whole, else end it. Once."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self.file.close()
        keep = self.headers.get("connection", "").lower()
        if not whole or keep == "close" or (self.version_string == "HTTP/1.0" and not keep):
            connection.close()
        self._pool._put_conn(connection)


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
            self.sock.sendall(data + body)
        else:
            self.sock.sendall(data)
            if body:
                self.sock.sendall(body)

    def getresponse(self) -> Head:
        """The head of the response, once it is there."""
        self.sock.settimeout(self.timeout)
        file = self.sock.makefile("rb")
        try:
            while True:
                head = _read_head(file)
                if head.status >= 200:
                    break
        except BaseException:
            file.close()
            raise
        head.file, head.socket = file, self.sock
        return head


def _read_head(file: Any) -> Head:
    line = _read_line(file)
    if not line:
        raise http.client.RemoteDisconnected("closed without a response")
    version, _, rest = line.partition(" ")
    status, _, reason = rest.partition(" ")
    if not version.startswith("HTTP/1.") or len(status) != 3 or not status.isdecimal():
        raise http.client.BadStatusLine("no HTTP/1 response")
    headers: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = _read_line(file)
        if not line:
            return Head(int(status), reason, version, headers)
        name, _, value = line.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    raise http.client.HTTPException(f"more than {MOST_HEADERS} headers in a response")


def _read_line(file: Any) -> str:
    """A line without its end; "" for an empty one, and for none at all."""
    line: bytes = file.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise http.client.LineTooLong("the head of a response")
    if line and not line.endswith(b"\n"):
        raise http.client.IncompleteRead(line)
    return line.rstrip(b"\r\n").decode("latin-1")


class PlainConnection(_Lean, HTTPConnection):  # type: ignore[misc]
    """HTTP without TLS."""

    @property
    def is_connected(self) -> bool:
        """Whether the other side has neither closed an idle connection nor sent into it.

        One call that does not wait; urllib3 sets up a poll, which goes through the event loop.
        """
        if self.sock is None:
            return False
        self.sock.settimeout(0)
        try:
            self.sock.recv(1, MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False


class TlsConnection(_Lean, HTTPSConnection):  # type: ignore[misc]
    """HTTP over TLS."""


class SocksPlainConnection(_Lean, SOCKSConnection):  # type: ignore[misc]
    """HTTP through a SOCKS proxy."""


class SocksTlsConnection(_Lean, SOCKSHTTPSConnection):  # type: ignore[misc]
    """HTTP over TLS through a SOCKS proxy."""


class PlainPool(HTTPConnectionPool):
    ConnectionCls: Any = PlainConnection


class TlsPool(HTTPSConnectionPool):
    ConnectionCls: Any = TlsConnection


class SocksPlainPool(HTTPConnectionPool):
    ConnectionCls: Any = SocksPlainConnection


class SocksTlsPool(HTTPSConnectionPool):
    ConnectionCls: Any = SocksTlsConnection


POOLS = {"http": PlainPool, "https": TlsPool}
SOCKS_POOLS = {"http": SocksPlainPool, "https": SocksTlsPool}
"""For urllib3's ``PoolManager.pool_classes_by_scheme``."""
