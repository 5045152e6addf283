"""What can end a request from outside: its client leaves, or the worker stops.

A WSGI generator learns that its client left only at its second write after that, and a request
that is not streamed never does. Here the worker's event loop watches the client's socket and
throws into the request's greenlet wherever that waits, which cancels the upstream call at once.
"""

from collections.abc import Callable, Iterable
from errno import EPIPE
from socket import MSG_PEEK, SHUT_RD
from typing import Any, TypeVar

from flask import Flask, Response, request
from gevent import get_hub, getcurrent
from gevent.monkey import get_original
from gevent.socket import socket as gevent_socket

from app.errors import GatewayError, Kind

T = TypeVar("T")


class Interrupt(BaseException):
    """Thrown into a request's greenlet. No Exception, so that nothing on the way swallows it."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.message)
        self.error = error


class Live:
    """One request being served, from its parsed body to the end of its answer.

    It can be interrupted only inside :meth:`run`, that is where the app waits; while gunicorn
    writes, the socket itself tells that the client is gone.
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
        """Call what may wait; an Interrupt that comes meanwhile leaves as its GatewayError."""
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
        """End the request with ``error``; one whose client takes nothing, as if that were gone.

        To be called in the event loop (hub) only.
        """
        self._pending = error
        if self._inside:
            self._greenlet.throw(Interrupt(error))
        elif not self.client_left:
            self._greenlet.throw(BrokenPipeError(EPIPE, "the client takes nothing"))

    def _readable(self) -> None:
        self._watcher.stop()
        try:
            gone = not gevent_socket.recv(self._client, 1, MSG_PEEK)
        except OSError:
            gone = True
        if gone:  # else the next request has come early; its client is certainly there
            self.client_left = True
            self.interrupt(GatewayError(Kind.CANCELLED, "The client left before its answer."))

    def close(self) -> None:
        """The answer is out, or nobody is there to take it. Idempotent."""
        self._registry.discard(self)
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None


class Lifecycle:
    """The requests of this worker, and its end."""

    def __init__(self, *, client_stall: float) -> None:
        self._client_stall = client_stall
        self._busy: set[Any] = set()
        self._waiting: dict[Any, None] = {}  # for their next request, the longest first
        self._live: set[Live] = set()
        self._closing = False  # no connection has another request
        self._over = False  # no request is taken

    def begin(self, environ: dict[str, Any]) -> Live:
        """Watch over a request whose body was read; close what this gives when it is answered.

        Raises GatewayError SHUTTING_DOWN for one whose body took until the end of the worker.
        """
        self._refuse_when_over()
        return Live(environ.get("gunicorn.socket"), self._live)

    def install(self, app: Flask) -> None:
        """Bound what a client may take, and refuse what comes once the worker stops."""
        app.extensions["lifecycle"] = self

        @app.before_request
        def enter() -> None:
            client = request.environ.get("gunicorn.socket")
            if client is not None:
                client.settimeout(self._client_stall)
                self._busy.add(client)
                self._waiting.pop(client, None)
            self._refuse_when_over()

        @app.after_request
        def leave(response: Response) -> Response:
            if self._closing:
                response.headers["Connection"] = "close"
            client = request.environ.get("gunicorn.socket")
            if client is not None:
                response.call_on_close(lambda: self._answered(client))
            return response

    def _answered(self, client: Any) -> None:
        self._busy.discard(client)
        self._waiting[client] = None

    def _refuse_when_over(self) -> None:
        if self._over:
            raise GatewayError(
                Kind.SHUTTING_DOWN, "The gateway is being stopped; try again.", retry_after=1
            )

    def close_connections(self) -> None:
        """From now on each answer is the last of its connection."""
        self._closing = True

    def close_idle(self, clients: Iterable[Any]) -> None:
        """End the connections that only wait for a next request; what has arrived is still read."""
        for client in tuple(clients):
            if client not in self._busy:
                self._waiting.pop(client, None)
                _shut(client)

    def close_longest_idle(self) -> None:
        """End the connection that has waited longest for a next request, if there is one."""
        if self._waiting:
            self.close_idle([next(iter(self._waiting))])

    def ended(self, client: Any) -> None:
        """The connection is no more."""
        self._busy.discard(client)
        self._waiting.pop(client, None)

    def end_all(self) -> None:
        """End what is still being answered, each in its dialect's words, and refuse the rest."""
        self._over = True
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
