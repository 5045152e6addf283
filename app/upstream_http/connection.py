"""One HTTP/1.1 connection: it sends a request in one write and reads the head of the response.

The body that follows the head is read by :class:`.body.ResponseBody`.
"""

import select
from collections.abc import Callable
from time import monotonic
from typing import Any

from gevent.monkey import get_original

from app.common.sockets import send_all

from .errors import RemoteProtocolError
from .head import END_OF_HEAD, MAX_HEAD, ResponseHead, parse_head
from .route import Route
from .sweeper import Sweeper, Wait

JOINED = 64 * 1024
"""The longest body, in bytes, that is copied behind its head so that both leave in one write."""

READ_SIZE = 64 * 1024

_poll = get_original("select", "poll")  # the patched one goes through the event loop


class Connection:
    """An open connection, used for one request at a time.

    ``wait``: for the response to the current request, None between two.
    """

    __slots__ = ("_poll", "route", "sock", "wait")

    def __init__(self, sock: Any, route: Route) -> None:
        self.sock = sock
        self.route = route
        self.wait: Wait | None = None
        self._poll = _poll()
        self._poll.register(sock.fileno(), select.POLLIN)

    def exchange(
        self, head: bytes, body: bytes, timeout: float, sweeper: Sweeper
    ) -> tuple[ResponseHead, bytes]:
        """Send a request; the head of its response, and the first bytes of the body.

        ``timeout``: seconds for sending without progress, and then until the head is there. Raises
        OSError (TimeoutError included) and RemoteProtocolError; the caller must then close the
        connection. Afterwards the socket has no timeout: it raises BlockingIOError when nothing has
        come.
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
        self.sock.settimeout(0)
        self.wait = sweeper.watch(self.sock.fileno())
        self.wait.deadline = monotonic() + timeout
        return receive_head(self._receive)

    def _receive(self) -> bytes:
        """Some bytes of the head, b"" at the end of the connection."""
        assert self.wait is not None
        while True:
            try:
                data: bytes = self.sock.recv(READ_SIZE)
                return data
            except BlockingIOError:
                self.wait.ready()

    def has_input(self) -> bool:
        """Whether something can be read: on an idle connection its end, or bytes nobody asked for.

        Never lets another greenlet run.
        """
        return bool(self._poll.poll(0))

    def end_exchange(self) -> None:
        """Stop waiting for the response. Idempotent."""
        if self.wait is not None:
            self.wait.close()
            self.wait = None

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self.end_exchange()
        self.sock.close()


def receive_head(receive: Callable[[], bytes]) -> tuple[ResponseHead, bytes]:
    """Read the head of the final response, and what ``receive`` returned with it of the body.

    Interim responses (1xx) are skipped. Raises RemoteProtocolError, and what ``receive`` raises.
    """
    data = b""
    while True:
        end = END_OF_HEAD.search(data)
        if end is None:
            if len(data) > MAX_HEAD:
                raise RemoteProtocolError("the head of a response is too long")
            more = receive()
            if not more:
                raise RemoteProtocolError("closed before the end of the response's head")
            data += more
            continue
        head = parse_head(data[: end.start()])
        data = data[end.end() :]
        if head.status >= 200:
            return head, data
