"""What the application knows of a client dialect: one value, exported by the dialect's folder.

A new dialect is a folder whose ``dialect`` module has such a value, a line in
``application.DIALECTS``, and its tests.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from flask import Blueprint
from msgspec import Struct

from app.common.openapi import Operation
from app.core.headers import Headers
from app.web.failures import ErrorForm
from app.web.serving import Serving

from .encoder import StreamEncoder
from .support import Fields


class Dialect(Struct, frozen=True, kw_only=True):
    """A client dialect.

    ``paths`` are the prefixes of the paths that belong to this dialect alone, ``shared_paths``
    prefixes that other dialects have too: there its clients are known by ``identifying_header``;
    a dialect without one takes those that no header identifies. ``key_headers`` are the headers in
    which its clients send their key. ``error_form`` makes its failures, ``error_type`` describes
    their body. ``types`` are those of requests, by the member that they are read for, and
    ``fields`` what is done with each field. ``encoder`` writes its streams; ``blueprint`` makes the
    routes of ``operations``.
    """

    name: str
    paths: tuple[str, ...]
    shared_paths: tuple[str, ...] = ()
    identifying_header: str = ""
    key_headers: tuple[str, ...]
    error_form: ErrorForm
    error_type: type[Struct]
    operations: Sequence[Operation]
    types: Mapping[str, Sequence[type]]
    fields: Fields
    encoder: type[StreamEncoder]
    blueprint: Callable[[Serving], Blueprint]


def select(dialects: Sequence[Dialect], path: str, headers: Headers) -> Dialect:
    """The dialect of a request, by its path and, where several share it, by its headers; the first
    of ``dialects`` if neither decides.
    """
    for dialect in dialects:
        if path.startswith(dialect.paths):
            return dialect
    sharing = [dialect for dialect in dialects if path.startswith(dialect.shared_paths)]
    for dialect in sharing:
        name = dialect.identifying_header
        if name and headers.get(name) is not None:
            return dialect
    return next((dialect for dialect in sharing if not dialect.identifying_header), dialects[0])


def key_headers(dialects: Iterable[Dialect]) -> tuple[str, ...]:
    """Every header in which a client may send its key."""
    return tuple(dict.fromkeys(name for each in dialects for name in each.key_headers))
