"""Flask without what no request here uses, and every request would pay for.

No sessions, no asynchronous handlers, and no redirects, for which alone a URL map must know the
host of a request: :mod:`.paths` has made the path canonical by then.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter


class NoSession(SessionInterface):
    """The same nothing for every request."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """A session that refuses to be changed."""
        return self._none


class Application(Flask):
    """The WSGI application of one worker."""

    session_interface = NoSession()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Every handler is synchronous, which Flask would look into at each call of each."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Routes go by path, method, and whether a WebSocket is asked for."""
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
