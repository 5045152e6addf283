"""Flask without the features that no request here uses and every request would pay for.

No sessions, no asynchronous handlers, no signals, no functions to be called when a context ends, no
hooks of blueprints, and no redirects, which alone need a URL map that knows the host of a request:
:mod:`.paths` has made the path canonical by then. Blueprints, the hooks of the application and its
error handlers are Flask's own.
"""

from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypeAlias, cast

from flask import Flask, Request, Response
from flask.globals import _cv_app, _cv_request
from flask.sessions import NullSession, SessionInterface
from werkzeug.datastructures import EnvironHeaders
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from .connections.addresses import ConnectionLimit
from .connections.refusals import Refusals
from .lifecycle import Lifecycle

Route: TypeAlias = tuple[Any, dict[str, Any]]
"""A rule of the URL map, and the arguments that it takes from the path."""


class NoSession(SessionInterface):
    """The same empty session for every request."""

    _empty = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """A session that refuses to be changed."""
        return self._empty


class Hooks(NamedTuple):
    """What is called before the view of a request, and what is shown its response."""

    before: tuple[Callable[[], Any], ...]
    after: tuple[Callable[[Response], Response], ...]


class ServedRequest:
    """What Flask's ``current_app``, ``g``, ``request`` and ``session`` lead to while a request is
    served: one object instead of Flask's two contexts, which tell signals and functions of
    themselves that are not there. ``known`` is what the application knows of the request.
    """

    __slots__ = ("app", "g", "known", "request")

    def __init__(self, app: Flask, request: Request) -> None:
        self.app = app
        self.request = request
        self.g = app.app_ctx_globals_class()
        self.known: Any = None

    @property
    def session(self) -> NullSession:
        """A session that refuses to be changed."""
        return NoSession._empty

    @property
    def url_adapter(self) -> MapAdapter | None:
        """For the answer to OPTIONS, which names the methods of a path."""
        return self.app.create_url_adapter(self.request)


def served() -> ServedRequest:
    """The request being served. Raises LookupError outside of one."""
    found: Any = _cv_request.get()
    return found  # type: ignore[no-any-return] # a cast would be called each time


class RequestHeaders(EnvironHeaders):
    """The headers of a request, where a look-up is one. Names have no bytes outside of ASCII."""

    def get(  # type: ignore[override] # werkzeug's has overloads
        self, key: str, default: Any = None, type: Any = None
    ) -> Any:
        """The value of a header, ``default`` if the request has none."""
        if type is not None:
            return super().get(key, default, type)
        return self.environ.get(_variable(key), default)


@lru_cache(maxsize=256)
def _variable(name: str) -> str:
    """Where the environment has a header (PEP 3333)."""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


class ServerRequest(Request):
    """Flask's, which its environment does not refer to: that would be a cycle, and garbage."""

    def __init__(self, environ: Any) -> None:
        super().__init__(environ, populate_request=False)
        self.headers = RequestHeaders(environ)


class Application(Flask):
    """The WSGI application of one worker.

    The worker drives ``lifecycle``, counts clients in ``connections``, answers with ``refusals``
    what cannot be parsed, calls ``on_start`` once, when it begins to serve, and ``on_exit`` once,
    after the last answer.
    """

    session_interface = NoSession()
    request_class = ServerRequest

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
        self._routes: dict[tuple[str, str], Route] = {}  # those whose path has no arguments

    @cached_property
    def hooks(self) -> Hooks:
        """Those that were set when the first request came. Raises RuntimeError for one that would
        not be called.
        """
        ends: Any = (*self.teardown_request_funcs.values(), self.teardown_appcontext_funcs)
        if any((*ends, *self.url_value_preprocessors.values())):
            raise RuntimeError("a function is registered that this application never calls")
        of_blueprints = [
            name
            for registry in (self.before_request_funcs, self.after_request_funcs)
            for name, functions in registry.items()
            if name is not None and functions
        ]
        if of_blueprints:
            raise RuntimeError(f"hooks of blueprints are not called: {', '.join(of_blueprints)}")
        after: Any = self.after_request_funcs.get(None, ())
        return Hooks(tuple(self.before_request_funcs.get(None, ())), tuple(reversed(after)))

    def wsgi_app(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """As Flask's. A response that is streamed is made after it, without a context."""
        request = self.request_class(environ)
        request.json_module = self.json
        context: Any = ServedRequest(self, request)
        tokens = _cv_app.set(context), _cv_request.set(context)
        try:
            try:
                request.url_rule, request.view_args = self._route(request)
            except HTTPException as error:
                request.routing_exception = error
            try:
                response = self.full_dispatch_request()
            except Exception as error:
                response = self.handle_exception(error)
            return response(environ, start_response)
        finally:
            _cv_app.reset(tokens[0])
            _cv_request.reset(tokens[1])

    def _route(self, request: Request) -> Route:
        """What a request asks for. Raises HTTPException if there is nothing."""
        key = request.method, request.path
        is_plain = "HTTP_UPGRADE" not in request.environ
        if is_plain and (known := self._routes.get(key)) is not None:
            return known
        adapter = cast(MapAdapter, self.create_url_adapter(request))
        found: Route = adapter.match(return_rule=True)  # type: ignore[assignment]
        if is_plain and not found[1]:
            self._routes[key] = found
        return found

    def full_dispatch_request(self) -> Response:
        """Call the hooks and the view."""
        hooks, request = self.hooks, served().request
        try:
            for before in hooks.before:
                if (answer := before()) is not None:
                    break
            else:
                answer = self._view(request)
        except Exception as error:
            answer = self.handle_user_exception(error)
        response = answer if isinstance(answer, Response) else self.make_response(answer)
        return self.process_response(response)

    def _view(self, request: Request) -> Any:
        if request.routing_exception is not None or request.method == "OPTIONS":
            return self.dispatch_request()
        rule: Any = request.url_rule
        arguments: Any = request.view_args
        return self.view_functions[rule.endpoint](**arguments)

    def process_response(self, response: Response) -> Response:
        """Show the response to the hooks."""
        for after in self.hooks.after:
            response = after(response)
        return response

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
