"""What can end a request from outside: its client leaves, or the worker stops.

A WSGI generator notices that its client left only at its second write after that, and a request
that is not streamed never does. Here the worker's event loop watches the client's socket and
throws into the request's greenlet wherever that waits, which cancels the upstream call at once.
"""

from collections.abc import Callable, Iterable
from errno import EPIPE
from socket import MSG_PEEK, SHUT_RD
from typing import Any, TypeVar

from gevent import get_hub, getcurrent
from gevent.monkey import get_original
from gevent.socket import socket as gevent_socket

from app.errors import GatewayError, Kind

T = TypeVar("T")


class Interrupt(BaseException):
    """Thrown into a request's greenlet. Not an Exception, so that no handler swallows it."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.message)
        self.error = error


class Live:
    """One request being served, from its parsed body to the end of its answer.

    It can be interrupted only inside :meth:`run`, that is where the app waits; while gunicorn
    writes, a write to the socket fails when the client is gone.
    """

    def __init__(self, client: Any, registry: "set[Live]") -> None:
        self._greenlet = getcurrent()
        self._registry = registry
        self._client = client
        self._watcher: Any = None
        self._inside = False
        self._pending: GatewayError | None = None
        self.client_left = False
        registry.add(self)
        if client is not None:
            self._watcher = get_hub().loop.io(client.fileno(), 1)
            self._watcher.start(self._readable)

    def run(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function that may wait; an Interrupt meanwhile is raised as its GatewayError."""
        if self._pending is not None:
            raise self._pending
        self._inside = True
        try:
            return function(*args)
        except Interrupt as interrupt:
            raise interrupt.error from None
        finally:
            self._inside = False

    def interrupt(self, error: GatewayError) -> None:
        """End the request with ``error``, or by a broken pipe if its client accepts no data.

        To be called in the event loop (hub) only.
        """
        self._pending = error
        if self._inside:
            self._greenlet.throw(Interrupt(error))
        elif not self.client_left:
            self._greenlet.throw(BrokenPipeError(EPIPE, "the client accepts no data"))

    def _readable(self) -> None:
        self._watcher.stop()
        try:
            gone = not gevent_socket.recv(self._client, 1, MSG_PEEK)
        except OSError:
            gone = True
        if gone:  # else the next request has come early, and its client is certainly there
            self.client_left = True
            self.interrupt(GatewayError(Kind.CANCELLED, "The client left before its answer."))

    def close(self) -> None:
        """The answer is out, or its client is gone. Idempotent."""
        self._registry.discard(self)
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None


class Lifecycle:
    """The connections and requests of this worker, and how they end when it stops.

    A connection is its client's socket; it is None, and not watched, where the server is not
    gunicorn. ``client_stall``: seconds that a client may take to accept one write.
    """

    def __init__(self, *, client_stall: float) -> None:
        self._client_stall = client_stall
        self._busy: set[Any] = set()
        self._waiting: dict[Any, None] = {}  # for their next request, the longest first
        self._live: set[Live] = set()
        self._is_over = False  # requests are refused

    def enter(self, client: Any) -> None:
        """A request has arrived. Raises GatewayError SHUTTING_DOWN once the worker is stopping."""
        if client is not None:
            client.settimeout(self._client_stall)
            self._busy.add(client)
            self._waiting.pop(client, None)
        self._refuse_when_over()

    def watch(self, client: Any) -> Live:
        """Watch over a request whose body has been read; close the result after its answer.

        Raises GatewayError SHUTTING_DOWN if the body took until the end of the worker.
        """
        self._refuse_when_over()
        return Live(client, self._live)

    def leave(self, client: Any) -> None:
        """The answer is out; the connection waits for its next request."""
        if client is not None:
            self._busy.discard(client)
            self._waiting[client] = None

    def disconnected(self, client: Any) -> None:
        """The connection was closed."""
        self._busy.discard(client)
        self._waiting.pop(client, None)

    def _refuse_when_over(self) -> None:
        if self._is_over:
            raise GatewayError(
                Kind.SHUTTING_DOWN, "The gateway is being stopped; try again.", retry_after=1
            )

    def close_idle(self, clients: Iterable[Any]) -> None:
        """End the connections that only wait for a next request; data that has arrived is read."""
        for client in tuple(clients):
            if client not in self._busy:
                self._waiting.pop(client, None)
                _shut(client)

    def close_longest_idle(self) -> None:
        """End the connection that has waited longest for a next request, if there is one."""
        if self._waiting:
            self.close_idle([next(iter(self._waiting))])

    def end_all(self) -> None:
        """End all answers in progress, each with its dialect's error, and refuse new requests."""
        self._is_over = True
        error = GatewayError(
            Kind.SHUTTING_DOWN, "The gateway was stopped before this answer was whole; try again."
        )
        for live in tuple(self._live):
            get_hub().loop.run_callback(live.interrupt, error)


def _shut(client: Any) -> None:
    """Make its next read end. Below gevent, whose own shutdown would raise in that read."""
    plain = get_original("socket", "socket")(fileno=client.fileno())
    try:
        plain.shutdown(SHUT_RD)
    except OSError:
        pass  # it is gone already
    finally:
        plain.detach()
