"""The page's paths. None needs a key in a header: each looks for the session's cookie."""

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Request, Response, request

from app.common.errors import GatewayError, Kind
from app.core.headers import Headers
from app.keys.authentication import Authenticator
from app.keys.key_file import ClientKey

from .attempts import Attempts
from .sessions import COOKIE, LASTS, PROOF, Sessions
from .sources import Sources

if TYPE_CHECKING:
    from .desk import Desk

HOME = "/dashboard"
FILES = ("style.css", "page.js", "playground.js", "icon.svg")
EVENTS = "text/event-stream"
VIEWS = ("overview", "requests", "usage", "models", "setup", "playground")
PATHS = frozenset(
    {
        HOME,
        *(f"{HOME}/{view}" for view in VIEWS[1:]),
        f"{HOME}/live",
        f"{HOME}/login",
        f"{HOME}/logout",
        *(f"{HOME}/{name}" for name in FILES),
    }
)
"""Served without a key."""

LANGUAGE = "kiro2api_language"
_YEAR = 365 * 86400

GUARDS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NO_STORE = {"Cache-Control": "no-store"}


class Doorkeeper:
    """Lets in who brings a key, and the scripts of the page: they bring the session's cookie and
    repeat its random value, which no other site can read.
    """

    def __init__(self, authenticator: Authenticator, sessions: Sessions) -> None:
        self._authenticator = authenticator
        self._sessions = sessions

    def check(self, headers: Headers) -> ClientKey:
        """The key of a request. Raises GatewayError."""
        proof = headers.get(PROOF)
        if not proof:
            return self._authenticator.check(headers)
        cookies = Request({"HTTP_COOKIE": headers.get("Cookie") or ""}).cookies
        try:
            session = self._sessions.proved(cookies.get(COOKIE), proof)
        except OSError:
            session = None
        if session is None:
            raise GatewayError(
                Kind.AUTHENTICATION, "The session of the page is over; log in again."
            )
        return session.key


def blueprint(
    sources: Sources, sessions: Sessions, address: Callable[[], str], stream: Mapping[str, str]
) -> Blueprint:
    """``address`` gives the client's; ``stream`` are the headers of every stream."""
    routes = Blueprint("page", __name__)
    door = _Door(sources, sessions, address, stream)
    routes.add_url_rule(HOME, "overview", partial(door.show, "overview"))
    for view in VIEWS[1:]:
        routes.add_url_rule(f"{HOME}/{view}", view, partial(door.show, view))
    routes.add_url_rule(f"{HOME}/live", "live", door.live)
    routes.add_url_rule(f"{HOME}/login", "log_in", door.log_in, methods=["POST"])
    routes.add_url_rule(f"{HOME}/logout", "log_out", door.log_out, methods=["POST"])
    for name in FILES:
        routes.add_url_rule(f"{HOME}/{name}", name.replace(".", "_"), partial(_send, name))
    return routes


class _Door:
    """Looks for the session of each request, before anything is shown."""

    def __init__(
        self,
        sources: Sources,
        sessions: Sessions,
        address: Callable[[], str],
        stream: Mapping[str, str],
    ) -> None:
        self._sources = sources
        self._sessions = sessions
        self._address = address
        self._stream = stream
        self._attempts = Attempts()

    @cached_property
    def _desk(self) -> "Desk":
        from .desk import Desk  # with the templates and texts, which few workers ever need

        return Desk(self._sources)

    def show(self, view: str) -> Response:
        """A view, or the form to log in."""
        try:
            session = self._sessions.find(request.cookies.get(COOKIE))
        except OSError as error:
            return self._form(503, "no_state", why=error.strerror or error)
        if session is None:
            return self._form(200)
        return _html(self._desk.page(view, session, request), 200)

    def live(self) -> Response:
        """The stream that keeps a view up to date."""
        cookie = request.cookies.get(COOKIE)
        session = self._sessions.find(cookie)
        if session is None:
            raise GatewayError(Kind.AUTHENTICATION, "Nobody is logged in.")
        look = self._desk.watch(session, request)

        def content() -> str | None:
            return look() if self._sessions.find(cookie) else None

        headers = {**self._stream, **GUARDS}
        events = self._desk.events(content, request.args.get("seen", ""))
        return Response(events, mimetype=EVENTS, headers=headers)

    def log_in(self) -> Response:
        """Begin a session for whoever has a valid key."""
        address = self._address()
        if seconds := self._attempts.seconds_to_wait(address):
            return self._form(429, "too_many", seconds=round(seconds))
        if not _is_own_form(request):
            return self._form(403, "other_site")
        try:
            cookie = self._sessions.log_in(request.form.get("key", ""), request.headers)
        except GatewayError as error:
            self._attempts.fail(address)
            return self._form(403, message=error.message)
        except OSError as error:
            return self._form(503, "no_state", why=error.strerror or error)
        return _to_home(cookie, LASTS)

    def log_out(self) -> Response:
        """End the session of this browser."""
        proof = request.form.get("proof", "")
        if self._sessions.proved(request.cookies.get(COOKIE), proof) is None:
            return self._form(403, "session_over")
        return _to_home("", 0)

    def _form(self, status: int, text: str = "", **values: Any) -> Response:
        return _html(self._desk.login(request, text, **values), status)


def _send(name: str) -> Response:
    """A file beside the page."""
    from .desk import file

    content, kind = file(name)
    kept = {"Cache-Control": "public, max-age=86400"}  # its address has its version
    return Response(content, mimetype=kind, headers={**GUARDS, **kept})


def _html(text: str, status: int) -> Response:
    made = Response(text, status, mimetype="text/html", headers={**GUARDS, **NO_STORE})
    wish = request.args.get("lang")
    if wish in ("en", "zh"):
        made.set_cookie(
            LANGUAGE,
            wish,
            max_age=_YEAR,
            path=HOME,
            secure=request.is_secure,
            httponly=True,
            samesite="Strict",
        )
    return made


def _to_home(cookie: str, seconds: int) -> Response:
    """``/`` is the cookie's path, since the playground asks the same paths as any client."""
    answer = Response("", 303, headers={"Location": HOME, **GUARDS, **NO_STORE})
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=seconds,
        path="/",
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )
    return answer


def _is_own_form(asked: Request) -> bool:
    """Whether a browser says that another site sent the form; programs say nothing of it."""
    site = asked.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = asked.headers.get("Origin")
    return origin is None or origin == asked.host_url.rstrip("/")
