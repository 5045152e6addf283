"""gunicorn's gevent worker, with a stop that loses no answer and waits for no idle connection.

gunicorn lets running requests finish within ``graceful_timeout`` and then kills them without a
word. Here, upon SIGTERM (a stop, or a reload in the master):

1. connections that wait for a next request are closed, and new requests are refused;
2. running answers go on until ``MARGIN`` seconds before the end of the graceful time;
3. what is left then gets its dialect's error event and ends cleanly;
4. a token refresh under way is waited for, since its answer may hold the only valid login.
"""

from errno import EPIPE
from time import monotonic
from typing import Any, cast

import gevent
from flask import Flask
from gunicorn.workers.ggevent import GeventWorker

from .lifecycle import Lifecycle

MARGIN = 2.0
"""Seconds to write error events in, before gunicorn cuts what is left."""

POLL = 0.1


class Worker(GeventWorker):
    """``worker_class`` of ``gunicorn.conf.py``. The application brings its Lifecycle and its
    Credentials as extensions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clients: set[Any] = set()

    def run(self) -> None:
        """Serve until told to stop, then drain."""
        gevent.spawn(self._drain_when_stopped)
        try:
            super().run()
        finally:
            self._extensions()["credentials"].close()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """One connection, from its first request to its end."""
        self._clients.add(client)
        try:
            super().handle(listener, client, addr)
        finally:
            self._clients.discard(client)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """One request. A client that takes nothing for too long counts as one that has left, which
        its line in the log says; gunicorn would add a traceback."""
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except TimeoutError as error:
            raise BrokenPipeError(EPIPE, "the client takes nothing") from error

    def _drain_when_stopped(self) -> None:
        lifecycle: Lifecycle = self._extensions()["lifecycle"]
        while self.alive:
            gevent.sleep(POLL)
        lifecycle.stop_taking()
        end = monotonic() + max(self.cfg.graceful_timeout - MARGIN, 0)
        while lifecycle.busy and monotonic() < end:
            lifecycle.close_idle(self._clients)
            gevent.sleep(POLL)
        lifecycle.end_all()
        while True:  # what ends now leaves an idle connection behind
            lifecycle.close_idle(self._clients)
            gevent.sleep(POLL)

    def _extensions(self) -> dict[str, Any]:
        application = cast(Flask, self.wsgi)
        return application.extensions
