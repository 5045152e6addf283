"""gunicorn's gevent worker, with a stop that loses no answer and waits for no idle connection.

gunicorn lets running requests finish within ``graceful_timeout`` and then kills them without a
message. Here, upon SIGTERM (a stop, or a reload in the master):

1. who is connected already is accepted, nobody after that, and connections that have waited for a
   request for ``QUIET`` seconds are closed;
2. running answers go on until ``MARGIN`` seconds before the end of the graceful time, and so do
   those to requests that come on an open connection meanwhile, each the last of its connection;
3. answers still running then get their dialect's error event and end cleanly;
4. the worker waits for a token refresh under way, whose answer may hold the only valid login.
"""

import gc
import struct
from errno import EPIPE
from functools import partial
from socket import SO_LINGER, SOL_SOCKET
from time import monotonic
from typing import Any, cast

import gevent
from gevent.pool import Pool
from gunicorn.sock import ssl_context
from gunicorn.workers.ggevent import GeventWorker

from app.common import trace_context
from app.common.errors import GatewayError

from . import environ, log_handlers, signals
from .connections.connection import Connection
from .framework import Application
from .lifecycle import Lifecycle
from .logs import request_id
from .progress import Rows
from .resolver import SharedResolver
from .response import MergingResponse, UnfinishedError
from .spread import Place, SpreadingServer

MARGIN = 2.0
"""Seconds for writing error events, before gunicorn cuts the remaining connections."""

POLL = 0.1

GC_THRESHOLDS = 50_000, 20, 50
"""Objects before a collection. Requests leave few cycles behind and have many objects in use; the
default of 700 would walk those of a thousand streams again and again."""

QUIET = 1.0
"""Seconds without a request after which a stopping worker ends a connection; a head that has begun
may take as long. A front sends the next request on a connection that it does not yet know to be
closed, and must not send it again: it would fail. So the front must not keep one that was quiet for
so long. One that is in use gets its request, and is told with the answer that it was the last."""

SPARE = 100
"""Connections kept free for new clients: once fewer are left, each new one ends the one that has
gone longest without a whole request. Otherwise silent connections would lock new clients out. In a
small worker it is a quarter of all.
"""

REFUSED_SECONDS = 0.5
"""How long a refused connection stays open, so that its client can read why."""

RESET = struct.pack("ii", 1, 0)
"""The value of SO_LINGER with which closing a connection resets it."""


class Worker(GeventWorker):
    """``worker_class`` of ``gunicorn.conf.py``, for an :class:`~.framework.Application`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clients: dict[Any, Connection] = {}
        self._tls: Any = None
        self._place = Place(self.age, lambda: self._application.lifecycle.load)

    def init_process(self) -> None:
        """Keep the settings as plain attributes, since gunicorn reads some twenty for each request,
        each by two calls. No reload changes them in a running worker."""
        vars(self.cfg).update({name: one.get() for name, one in self.cfg.settings.items()})
        # or each greenlet keeps ten frames of who started it, for a debugger
        gevent.config.track_greenlet_tree = False
        super().init_process()

    def init_signals(self) -> None:
        """Install the worker's handlers, then take the signals that were held since the fork."""
        super().init_signals()
        signals.release()

    def run(self) -> None:
        """Serve until told to stop, then drain.

        gunicorn's own loop would go on accepting for up to a second, which upon a reload takes
        requests away from the new workers.
        """
        gevent.get_hub().resolver = cast(Any, SharedResolver())
        self._tls = ssl_context(self.cfg) if self.cfg.is_ssl else None
        self._application.lifecycle.rows = Rows(self.age)
        servers = [self._server(listener) for listener in self.sockets]
        gc.collect()
        gc.freeze()  # what was loaded stays, and need not be looked at by every collection
        gc.set_threshold(*GC_THRESHOLDS)
        self._application.on_start()
        while self.alive:
            self.notify()
            self._place.show()
            log_handlers.report()
            gevent.sleep(POLL)
        for server in servers:
            server.accept_rest()
            server.close()
        self._place.leave()
        try:
            self._drain()
        finally:
            self._application.on_exit()

    def _server(self, listener: Any) -> SpreadingServer:
        listener.setblocking(True)
        pool = Pool(self.worker_connections)
        handle = partial(self.handle, environ.maker(listener.getsockname()))
        server = SpreadingServer(listener, handle, place=self._place, spawn=pool)
        server.start()
        return server

    def handle(self, environ_of: Any, client: Any, addr: Any) -> None:
        """One connection, from its first request to its end. ``environ_of`` makes the environment
        of a request at its listener (:mod:`.environ`).

        A TLS handshake is left to the connection, which limits its time.
        """
        self._place.opened()
        if self._tls is not None:
            try:
                client = self._tls.wrap_socket(
                    client, server_side=True, do_handshake_on_connect=False
                )
            except OSError:  # it has left
                return
        lifecycle, connections = self._application.lifecycle, self._application.connections
        spare = min(SPARE, max(1, self.worker_connections // 4))
        if len(self._clients) >= self.worker_connections - spare:
            lifecycle.close_longest_waiting()
        connection, counted = self._connection(environ_of, client, addr), ""
        self._clients[client] = connection
        lifecycle.connected(client)
        try:
            counted = connections.enter(addr)
            connection.serve()
        except GatewayError as error:  # one too many of its address
            connection.refuse(error, linger=REFUSED_SECONDS)
        finally:
            client.close()
            connections.leave(counted)
            lifecycle.disconnected(client)
            del self._clients[client]

    def _connection(self, environ_of: Any, client: Any, addr: Any) -> Connection:
        return Connection(
            client,
            addr,
            self.cfg,
            answer=lambda request: self.handle_request(environ_of, request, client, addr),
            refusals=self._application.refusals,
            log=self.log,
        )

    def handle_request(self, environ_of: Any, req: Any, sock: Any, addr: Any) -> bool:
        """One request. A client that accepts no data for too long is treated as one that has left,
        and its log line says so; gunicorn would add a traceback.

        Raises StopIteration for the last request of a connection, as gunicorn does.
        """
        response = MergingResponse(req, sock, self.cfg)
        try:
            self._answer(environ_of(req, sock, addr), response)
        except TimeoutError as error:
            raise BrokenPipeError(EPIPE, "the client accepts no data") from error
        except OSError:
            raise
        except UnfinishedError:
            self.log.error("an answer did not come to its end")
            _break_off(sock, response)
        except Exception:
            if not response.headers_sent:
                raise
            self.log.exception("an answer broke off")  # another status cannot be sent any more
            _break_off(sock, response)
        finally:
            request_id.set("")
            trace_context.parent.set(None)
        if response.should_close():
            raise StopIteration
        return True

    def _answer(self, variables: Any, response: Any) -> None:
        body: Any = self.wsgi(variables, response.start_response)
        if not self.alive:  # asked now, since a whole answer may have taken long to make
            response.force_close()
        try:
            for piece in body:
                response.write(piece)
            response.close()
        finally:
            body.close()

    def _drain(self) -> None:
        lifecycle = self._application.lifecycle
        lifecycle.is_ending = True
        end = monotonic() + self.cfg.graceful_timeout
        self._wait_for_clients(lifecycle, end - MARGIN)
        lifecycle.end_all()
        self._wait_for_clients(lifecycle, end)

    def _wait_for_clients(self, lifecycle: Lifecycle, end: float) -> None:
        """Until the last one is gone, or ``end``. Idle connections are closed meanwhile."""
        run_in_loop = gevent.get_hub().loop.run_callback
        begun: dict[Any, float] = {}  # heads that are not whole, since when that is known
        while (self._clients or self._place.is_opening) and (now := monotonic()) < end:
            for client in lifecycle.waiting_since(now - QUIET):
                connection = self._clients[client]
                if connection.is_idle:
                    run_in_loop(connection.end_if_idle)
                elif begun.setdefault(client, now) <= now - QUIET:
                    lifecycle.give_up(client)
            self.notify()
            gevent.sleep(POLL)

    @property
    def _application(self) -> Application:
        return cast(Application, self.wsgi)


def _break_off(client: Any, response: Any) -> None:
    """End the connection so that its client sees that the answer is not whole: only a reset tells
    that of a body whose end is that of the connection. Raises StopIteration."""
    if not response.chunked:
        client.setsockopt(SOL_SOCKET, SO_LINGER, RESET)
    raise StopIteration
