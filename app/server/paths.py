"""The base URLs people type: a missing or doubled ``/v1``, doubled slashes.

They are rewritten before routing, and never redirected: on a redirect, clients drop the body or the
key.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

WSGIApp = Callable[[dict[str, Any], Any], Iterable[bytes]]

DOUBLED = re.compile(r"/{2,}")
REPEATED_VERSION = re.compile(r"^(?:/v1)+(?=/)")
UNVERSIONED = re.compile(
    r"/(messages|chat|responses|conversations|models|completions|embeddings)(?=/|$)"
)


@lru_cache(maxsize=256)
def canonical(path: str) -> str:
    """``/v1/v1//messages`` and ``/messages`` become ``/v1/messages``; other paths are unchanged."""
    path = DOUBLED.sub("/", path)
    path = REPEATED_VERSION.sub("/v1", path)
    if UNVERSIONED.match(path):
        path = "/v1" + path
    return path.rstrip("/") or "/"


class CanonicalPaths:
    """WSGI middleware that makes every path :func:`canonical`."""

    def __init__(self, app: WSGIApp) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["PATH_INFO"] = canonical(environ.get("PATH_INFO") or "/")
        return self._app(environ, start_response)
