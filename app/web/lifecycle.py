"""What can end a request from outside: its client leaves, or the worker shuts down.

A WSGI generator learns that its client left only at its second write after that, and a request
that is not streamed never does. Here the worker's event loop watches the client's socket and
throws into the request's greenlet wherever that waits, which cancels the upstream call at once.
"""

from collections.abc import Callable
from errno import EPIPE
from socket import MSG_PEEK
from typing import Any, TypeVar

from gevent import get_hub, getcurrent
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

    It can be interrupted only inside :meth:`run`, that is where the app waits; while
    gunicorn writes, the socket itself tells that the client is gone.
    """

    def __init__(self, environ: dict[str, Any], registry: "set[Live]") -> None:
        self._greenlet = getcurrent()
        self._registry = registry
        self._socket = environ.get("gunicorn.socket")
        self._watcher: Any = None
        self._inside = False
        self._pending: GatewayError | None = None
        self.client_left = False
        registry.add(self)
        if self._socket is not None:
            self._watcher = get_hub().loop.io(self._socket.fileno(), 1)
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
        """End the request with ``error``. To be called in the event loop (hub) only."""
        self._pending = error
        if self._inside:
            self._greenlet.throw(Interrupt(error))

    def break_write(self) -> None:
        """End a request whose client takes nothing any more, as if the connection were gone."""
        if not self._inside:
            self._greenlet.throw(BrokenPipeError(EPIPE, "the client takes nothing"))

    def _readable(self) -> None:
        self._watcher.stop()
        try:
            gone = not gevent_socket.recv(self._socket, 1, MSG_PEEK)
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
    """The live requests of this worker."""

    def __init__(self, *, client_stall: float) -> None:
        self._client_stall = client_stall
        self._live: set[Live] = set()

    def begin(self, environ: dict[str, Any]) -> Live:
        """A request whose body was read; close what this gives when its answer is out."""
        return Live(environ, self._live)

    def bound_client(self, environ: dict[str, Any]) -> None:
        """From here on a read from or write to the client may take ``client_stall`` seconds."""
        client = environ.get("gunicorn.socket")
        if client is not None:
            client.settimeout(self._client_stall)

    def each(self, act: Callable[[Live], None]) -> None:
        """Do something to every live request, in the event loop."""
        for live in tuple(self._live):
            get_hub().loop.run_callback(act, live)

    def __len__(self) -> int:
        return len(self._live)
