"""Makes the HTML of the page, and the files beside it."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

from flask import Request

from app.server import native

from . import live, rendering, texts
from .routes import HOME, LANGUAGE, VIEWS
from .sessions import Session
from .shelf import Shelf
from .sources import Sources
from .views import Values, Views

STATIC = rendering.PLACE / "static"
KINDS = {
    "style.css": "text/css",
    "page.js": "text/javascript",
    "playground.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}

LIVE = frozenset({"overview", "requests", "usage"})
"""Views that are kept up to date."""

MOST = 100
"""Contents that are kept, each of some tens of kilobytes."""


@cache
def file(name: str) -> tuple[bytes, str]:
    """The content of a file beside the page, and its type."""
    return (STATIC / name).read_bytes(), KINDS[name]


@cache
def versions() -> Mapping[str, str]:
    """The address of each file, with a part that changes when the file does."""
    found = {}
    for name in KINDS:
        version = hashlib.sha256(file(name)[0]).hexdigest()[:12]
        found[name] = f"{HOME}/{name}?v={version}"
    return found


class Desk:
    """The page of one worker."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._views = Views(sources)
        self._shelf = Shelf()
        self._made: dict[tuple[Any, ...], tuple[Values, str]] = {}

    def page(self, view: str, session: Session, asked: Request) -> str:
        """A whole view."""
        content = self._content(
            view, session, _query(asked), asked.host_url.rstrip("/"), _language(asked)
        )
        return rendering.render(
            "page.html",
            **self._frame(asked),
            view=view,
            views=VIEWS,
            session=session,
            is_live=view in LIVE,
            query=_query(asked),
            content=content,
            seen=live.mark(content),
            now=time.time(),
        )

    def watch(self, session: Session, asked: Request) -> Callable[[], str]:
        """What gives the content of the view that ``view`` of the query names, whenever asked."""
        view = asked.args.get("view", "")
        view = view if view in LIVE else "overview"
        query, url, language = _query(asked), asked.host_url.rstrip("/"), _language(asked)
        shared = (view, session.key.sha256, tuple(query.items()), url, language.code)

        def look() -> str:
            return self._shelf.get(
                shared,
                live.EVERY * 0.75,
                lambda: self._content(view, session, query, url, language),
            )

        return look

    def events(self, content: Callable[[], str | None], seen: str) -> Iterator[bytes]:
        """The stream for an open page that has the content with this mark."""
        return live.events(content, seen, self._sources.is_ending)

    def login(self, asked: Request, text: str = "", *, message: str = "", **values: Any) -> str:
        """The form to log in, with the text of that name, or a message, above it."""
        language = _language(asked)
        said = language(text, **values) if text else language.own(message) or message
        return rendering.render("login.html", **self._frame(asked), said=said, view="log_in")

    def _content(
        self,
        view: str,
        session: Session,
        query: Mapping[str, str],
        url: str,
        language: texts.Language,
    ) -> str:
        """Made anew only if it shows something else; in a native thread, since a worker's loop must
        not wait for it."""
        values = self._views.values(view, session, query, url)
        name = view, session.key.sha256, tuple(query.items()), url, language.code
        before = self._made.get(name)
        if before is None or before[0] != values:
            if len(self._made) >= MOST:
                self._made.clear()
            html = native.apart(self._html, view, session, language, values)
            before = self._made[name] = values, html
        return before[1]

    def _html(self, view: str, session: Session, language: texts.Language, values: Values) -> str:
        return rendering.render(
            f"{view}.html",
            t=language,
            session=session,
            home=HOME,
            keeps=self._sources.recent is not None,
            row=partial(rendering.row, language=language, with_account=session.is_owner),
            **values,
        )

    def _frame(self, asked: Request) -> Mapping[str, Any]:
        return {
            "t": _language(asked),
            "home": HOME,
            "files": versions(),
            "version": self._sources.version,
            "path": asked.path if asked.method == "GET" else HOME,
        }


def _language(asked: Request) -> texts.Language:
    wish = asked.args.get("lang") or asked.cookies.get(LANGUAGE)
    return texts.chosen(wish, list(asked.accept_languages.values()))


def _query(asked: Request) -> Mapping[str, str]:
    return {name: asked.args[name] for name in ("since", "only") if name in asked.args}
