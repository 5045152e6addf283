"""One HTTP/1.1 connection: it sends a request in one write and reads the head of the response.

The body that follows the head is read by :class:`.body.ResponseBody`.
"""

import select
from typing import Any

from gevent.monkey import get_original

from app.sockets import send_all

from .errors import RemoteProtocolError
from .head import END_OF_HEAD, MAX_HEAD, ResponseHead, parse_head
from .route import Route

JOINED = 64 * 1024
"""The longest body, in bytes, that is copied behind its head so that both leave in one write."""

READ_SIZE = 64 * 1024

_poll = get_original("select", "poll")  # the patched one goes through the event loop


class Connection:
    """An open connection, used for one request at a time.

    ``layered``: the socket is a TLS layer, which may hold bytes that poll does not show.
    """

    __slots__ = ("layered", "route", "sock")

    def __init__(self, sock: Any, route: Route, *, layered: bool) -> None:
        self.sock = sock
        self.route = route
        self.layered = layered

    def exchange(self, head: bytes, body: bytes, timeout: float) -> tuple[ResponseHead, bytes]:
        """Send a request; the head of its response, and the first bytes of the body.

        ``timeout``: seconds without progress. Raises OSError (TimeoutError included) and
        RemoteProtocolError; the caller then closes the connection.
        """
        self.sock.settimeout(timeout)
        try:
            if len(body) > JOINED:
                send_all(self.sock, head)
                send_all(self.sock, body)
            else:
                send_all(self.sock, head + body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the peer may have answered before it closed
        return receive_head(self.sock)

    def has_input(self) -> bool:
        """Whether something can be read: on an idle connection its end, or bytes nobody asked for.

        Never lets another greenlet run.
        """
        poll = _poll()
        poll.register(self.sock.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self.sock.close()


def receive_head(sock: Any) -> tuple[ResponseHead, bytes]:
    """Read the head of the final response, and what came with it of the body.

    Interim responses (1xx) are skipped. Raises OSError and RemoteProtocolError.
    """
    data = b""
    while True:
        end = END_OF_HEAD.search(data)
        if end is None:
            if len(data) > MAX_HEAD:
                raise RemoteProtocolError("the head of a response is too long")
            more: bytes = sock.recv(READ_SIZE)
            if not more:
                raise RemoteProtocolError("closed before the end of the response's head")
            data += more
            continue
        head = parse_head(data[: end.start()])
        data = data[end.end() :]
        if head.status >= 200:
            return head, data
