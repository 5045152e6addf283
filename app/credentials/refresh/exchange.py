"""Bounds on one exchange with a sign-in service or the proxy before it: time, bytes, decoded bytes.

The timeouts of requests start anew with each byte that arrives. Here a timer cuts the connection at
the deadline, whatever it is doing: a CONNECT, a TLS handshake, a head or a body.
"""

import contextlib
import socket
import threading
import zlib
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any

from app.tls import TrustingAdapter

LARGEST_BODY = 1024 * 1024
"""Bytes, also decoded: a thousand times what a service sends."""


class BadBody(Exception):
    """Why a body is not read; contains nothing of it."""


class Deadline:
    """``passed``: the time was over, and the connection was cut."""

    def __init__(self) -> None:
        self.passed = False
        self._guard = threading.Lock()
        self._connections: list[socket.socket] = []

    def watch(self, connection: socket.socket) -> None:
        """Cut this connection too. A duplicate is kept: TLS takes over the original."""
        with self._guard:
            self._connections.append(connection.dup())
        if self.passed:
            self.cut()

    def cut(self) -> None:
        """Cut all connections, so that every read and write of them returns."""
        self.passed = True
        with self._guard:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Forget the connections."""
        with self._guard:
            for connection in self._connections:
                connection.close()
            self._connections.clear()


_running: ContextVar[Deadline | None] = ContextVar("deadline of the exchange", default=None)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[Deadline]:
    """Cut every connection that is opened inside after this time."""
    deadline = Deadline()
    timer = threading.Timer(seconds, deadline.cut)
    timer.daemon = True
    before = _running.set(deadline)
    timer.start()
    try:
        yield deadline
    finally:
        timer.cancel()
        _running.reset(before)
        deadline.close()


class BoundedAdapter(TrustingAdapter):
    """Connections that :func:`within` can cut."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool that requests uses, with connections that report their sockets."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _watched(pool.ConnectionCls)
        return pool


@cache
def _watched(connection: Any) -> Any:
    if getattr(connection, "is_watched", False):
        return connection

    class Watched(connection):  # type: ignore[misc]  # one of urllib3's classes
        is_watched = True

        def _new_conn(self) -> socket.socket:
            opened: socket.socket = super()._new_conn()
            if deadline := _running.get():
                deadline.watch(opened)
            return opened

    return Watched


def read_body(reply: Any) -> bytes:
    """The decoded body of a reply that requests streams. Raises BadBody, and urllib3's errors."""
    content = b""
    while len(content) <= LARGEST_BODY:
        part = reply.raw.read(LARGEST_BODY + 1 - len(content), decode_content=False)
        if not part:  # only now urllib3 says whether the body is whole
            break
        content += part
    coding = reply.headers.get("Content-Encoding", "").strip().lower()
    if len(content) <= LARGEST_BODY and coding not in ("", "identity"):
        content = _decoded(content, coding)
    if len(content) > LARGEST_BODY:
        raise BadBody(f"larger than {LARGEST_BODY} bytes")
    return content


def _decoded(content: bytes, coding: str) -> bytes:
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise BadBody("in a content coding that was not asked for")
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content, LARGEST_BODY + 1)
    except zlib.error:
        raise BadBody("damaged") from None
