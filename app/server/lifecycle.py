"""What can end a request from outside: its client leaves, or the worker stops.

A WSGI generator notices that its client left only at its second write after that, and a request
that is not streamed never does. Here the worker's event loop watches the client's socket and
throws into the request's greenlet wherever that waits, which cancels the upstream call at once.
"""

import select
from collections.abc import Callable
from errno import EPIPE
from socket import MSG_PEEK, SHUT_RD, SHUT_RDWR
from time import monotonic
from typing import Any, TypeVar

from gevent import get_hub, getcurrent
from gevent.monkey import get_original
from gevent.socket import socket as gevent_socket

from app.common.errors import GatewayError, Kind, stopped

from .progress import Rows

T = TypeVar("T")

LOOK_EVERY = 0.05
"""Seconds between two looks for the end of a connection that has data to be read before it."""

FRESH = 1.0
"""Seconds that a client gets to send the head of its request, before bodies are given up for it."""

HANG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)
"""What ``poll`` reports of a client that has left, on Linux also behind data that is not read."""


class Interrupt(BaseException):
    """Thrown into a request's greenlet. Not an Exception, so that no handler swallows it."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.message)
        self.error = error


class Live:
    """One request being served, from its parsed body to the end of its answer.

    It can be interrupted only inside :meth:`run`, that is where the app waits; while gunicorn
    writes, a write to the socket fails when the client is gone.

    What the client got is noted here by who sends it: ``answer_end``, the reason of the answer's
    end, "" before that; ``longest_gap``, seconds between two writes of a stream's content.
    """

    def __init__(self, client: Any, registry: "set[Live]", rows: Rows | None = None) -> None:
        self._greenlet = getcurrent()
        self._registry = registry
        self._rows = rows
        self._row: int | None = None
        self._client = client
        self._watcher: Any = None
        self._inside = False
        self._pending: GatewayError | None = None
        self.client_left = False
        self.answer_end = ""
        self.longest_gap: float | None = None
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

    def show(self, started: float, key: str, model: str, dialect: str, client: str) -> None:
        """Have it among the answers in progress that people are shown (:mod:`.progress`)."""
        if self._rows is not None:
            self._row = self._rows.begin(started, key, model, dialect, client)

    def streams(self) -> None:
        """The content of the answer begins to come."""
        if self._row is not None and self._rows is not None:
            self._rows.stream(self._row)

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
        if gone:
            self._leave()
        else:  # the next request, or a line end behind the body: it would be readable ever after
            self._watcher.close()
            self._watcher = get_hub().loop.timer(LOOK_EVERY, LOOK_EVERY)
            self._watcher.start(self._look)

    def _look(self) -> None:
        if has_hung_up(self._client):
            self._watcher.stop()
            self._leave()

    def _leave(self) -> None:
        self.client_left = True
        self.interrupt(GatewayError(Kind.CANCELLED, "The client left before its answer."))

    def close(self) -> None:
        """The answer is out, or its client is gone. Idempotent."""
        self._registry.discard(self)
        if self._row is not None and self._rows is not None:
            self._rows.end(self._row)
            self._row = None
        self._pending = None  # its traceback refers to this request
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None


class Lifecycle:
    """The connections and requests of this worker, and how they end when it stops.

    A connection is its client's socket; it is None, and not watched, where the server is not
    gunicorn. ``client_stall``: seconds that a client may take to accept one write. ``is_ending``:
    the worker begins to stop, so that a stream without an end of its own ends now. ``rows``: where
    the worker lists its answers in progress.
    """

    def __init__(self, *, client_stall: float) -> None:
        self._client_stall = client_stall
        self._busy: set[Any] = set()
        self._waiting: dict[Any, float] = {}  # for a request, since when, the longest first
        self._sending: dict[Any, float] = {}  # the body of a request, the same
        self._new: set[Any] = set()  # those that wait for their first request
        self._live: set[Live] = set()
        self._is_over = False  # requests are refused
        self.is_ending = False
        self.rows: Rows | None = None

    @property
    def answers(self) -> int:
        """Answers in progress."""
        return len(self._live)

    @property
    def connections(self) -> int:
        """Connections of clients."""
        return len(self._busy) + len(self._waiting)

    @property
    def load(self) -> int:
        """Connections that have a request, or may be about to send their first one."""
        return len(self._busy) + len(self._new)

    def connected(self, client: Any) -> None:
        """The connection was opened; it waits for its first request."""
        self._waiting[client] = monotonic()
        self._new.add(client)

    def enter(self, client: Any) -> None:
        """The head of a request has arrived. Raises GatewayError SHUTTING_DOWN once the worker is
        stopping."""
        if client is not None:
            client.settimeout(self._client_stall)
            self._busy.add(client)
            self._waiting.pop(client, None)
            self._new.discard(client)
            self._sending[client] = monotonic()
        self._refuse_when_over()

    def watch(self, client: Any) -> Live:
        """Watch over a request whose body has been read; close the result after its answer.

        Raises GatewayError SHUTTING_DOWN if the body took until the end of the worker.
        """
        self._refuse_when_over()
        self._sending.pop(client, None)
        return Live(client, self._live, self.rows)

    def leave(self, client: Any) -> None:
        """The answer is out; the connection waits for its next request."""
        if client is not None:
            self._busy.discard(client)
            self._sending.pop(client, None)
            self._waiting[client] = monotonic()

    def disconnected(self, client: Any) -> None:
        """The connection was closed."""
        self._busy.discard(client)
        self._sending.pop(client, None)
        self._waiting.pop(client, None)
        self._new.discard(client)

    def _refuse_when_over(self) -> None:
        if self._is_over:
            raise GatewayError(
                Kind.SHUTTING_DOWN, "The gateway is being stopped; try again.", retry_after=1
            )

    def waiting_since(self, before: float) -> tuple[Any, ...]:
        """The connections that have waited for the head of a request since then or longer."""
        return tuple(client for client, since in self._waiting.items() if since <= before)

    def give_up(self, client: Any) -> None:
        """End a connection that waits for the rest of a head; what has arrived is read."""
        self._waiting.pop(client, None)
        _shut(client, SHUT_RD)

    def close_longest_waiting(self) -> None:
        """Make room: end the connection that has waited longest for the head of a request. If that
        has only just begun to wait, rather the one that has waited longest for a body."""
        longest = [waiting for waiting in (self._waiting, self._sending) if waiting]
        before = monotonic() - FRESH
        long = [waiting for waiting in longest if _first(waiting)[1] < before]
        if found := long or longest:
            client, _ = _first(found[0])
            del found[0][client]
            _shut(client, SHUT_RDWR)

    def end_all(self) -> None:
        """End all answers in progress, each with its dialect's error, and refuse new requests."""
        self._is_over = True
        error = stopped()
        for live in tuple(self._live):
            get_hub().loop.run_callback(live.interrupt, error)


def _first(waiting: dict[Any, float]) -> tuple[Any, float]:
    return next(iter(waiting.items()))


def has_hung_up(client: Any) -> bool:
    """Whether the client has closed its connection, even if data before that is not read yet."""
    poll = get_original("select", "poll")()
    poll.register(client.fileno(), HANG_UP)
    return bool(poll.poll(0))


def _shut(client: Any, how: int) -> None:
    """Make its next read end: with SHUT_RD after what has arrived, with SHUT_RDWR even if it goes
    on sending. Below gevent, whose own shutdown would raise in that read."""
    plain = get_original("socket", "socket")(fileno=client.fileno())
    try:
        plain.shutdown(how)
    except OSError:
        pass  # it is gone already
    finally:
        plain.detach()
