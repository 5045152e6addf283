"""Flask without the features that no request here uses and every request would pay for.

No sessions, no asynchronous handlers, and no redirects, which alone need a URL map that knows the
host of a request: :mod:`.paths` has made the path canonical by then.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter

from .connections.addresses import ConnectionLimit
from .connections.refusals import Refusals
from .lifecycle import Lifecycle


class NoSession(SessionInterface):
    """The same empty session for every request."""

    _empty = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """A session that refuses to be changed."""
        return self._empty


class Application(Flask):
    """The WSGI application of one worker.

    The worker drives ``lifecycle``, counts clients in ``connections``, answers with ``refusals``
    what cannot be parsed, calls ``on_start`` once, when it begins to serve, and ``on_exit`` once,
    after the last answer.
    """

    session_interface = NoSession()

    def __init__(
        self,
        name: str,
        *,
        lifecycle: Lifecycle,
        refusals: Refusals,
        connections: ConnectionLimit,
        on_start: Callable[[], object] = lambda: None,
        on_exit: Callable[[], object],
    ) -> None:
        super().__init__(name, static_folder=None)
        self.lifecycle = lifecycle
        self.refusals = refusals
        self.connections = connections
        self.on_start = on_start
        self.on_exit = on_exit

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Every handler is synchronous; Flask would find that out again at each call."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Routes depend on path, method, and whether a WebSocket is asked for."""
        if request is None:
            return super().create_url_adapter(None)
        websocket = request.environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        return MapAdapter(
            self.url_map,
            server_name="",
            script_name="/",
            subdomain="",
            url_scheme="ws" if websocket else "http",
            path_info=request.path,
            default_method=request.method,
        )
