"""Response headers that every dialect sends."""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import quote

from werkzeug.datastructures import Headers

MAX_LISTING = 1024
"""Bytes of a listing header, since proxies refuse answers with large heads; characters of a list in
the log."""


class OwnHeaders(Headers):
    """The headers of an answer that the gateway itself writes. werkzeug would check each when it is
    added; the server checks all when they are sent.
    """

    def __init__(self, fields: Iterable[tuple[str, str]]) -> None:
        self._list = [*fields]

    def add(self, key: str, value: Any, /, **parameters: Any) -> None:
        """Add a header, which may be there already."""
        if parameters or type(value) is not str:
            super().add(key, value, **parameters)
        else:
            self._list.append((key, value))

    def to_wsgi_list(self) -> list[tuple[str, str]]:
        """All of them, for the server."""
        return self._list


STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Without these, nginx and other proxies buffer a stream."""


_PLAIN = re.compile(r"[A-Za-z0-9_.-]*").fullmatch


def listing(names: Collection[str]) -> str:
    """Names as the value of a header, of bounded length (:func:`fitting`): separated by commas, and
    percent-encoded outside ``[A-Za-z0-9_.-]``.
    """
    return ",".join(fitting(names, _plain))


def fitting(names: Collection[str], form: Callable[[str], str] = str) -> list[str]:
    """Names in that form, each once, in order. Names beyond :data:`MAX_LISTING` (commas included)
    are replaced by their number, ``+N``.
    """
    kept: list[str] = []
    if not names:
        return kept
    unique = dict.fromkeys(names)
    size, left = 0, len(unique)
    for name in unique:
        text = form(name)
        size += len(text)
        left -= 1
        if size + (len(f",+{left}") if left else 0) > MAX_LISTING:
            return [*kept, f"+{left + 1}"]
        size += len(",")
        kept.append(text)
    return kept


def _plain(name: str) -> str:
    if len(name) > MAX_LISTING or _PLAIN(name):  # a long name does not fit in any form
        return name
    return quote(name, safe="").replace("~", "%7E")
