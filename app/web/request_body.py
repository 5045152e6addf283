"""The body of a request, decoded, within its limits of size and time."""

import gevent
from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from app.common.errors import GatewayError, Kind
from app.server import native
from app.server.connections.request import ReceivedBody
from app.server.framework import served

from .content_coding import CODINGS, Damaged, Decoding, names

GRACE, SLOWEST = 60.0, 32 * 1024
"""A body may take ``GRACE`` seconds, and one more for each ``SLOWEST`` bytes. The time-out of the
client's socket limits each pause in it."""


class _TooSlow(Exception):
    """Raised by the time-out in the code that waits for the body."""


def body() -> bytes:
    """The body, decoded from its Content-Encoding.

    Raises werkzeug's RequestEntityTooLarge for one over ``MAX_CONTENT_LENGTH`` (before reading, if
    it has a Content-Length), werkzeug's ClientDisconnected for one that is incomplete, and
    GatewayError for one that is malformed, whose coding is unknown (before reading), that is over
    the limit once it is decoded, or that comes too slowly, which would occupy a connection for
    very long.
    """
    current = served().request
    limit: int = served().app.config["MAX_CONTENT_LENGTH"]
    coding = _coding(current.headers.get("Content-Encoding"))
    data = _received(current, limit)
    return _decoded(data, coding, limit) if coding and data else data


def _coding(header: str | None) -> str:
    """The name of the body's coding; "" if it has none. Raises GatewayError."""
    if not header or not (given := names(header)):
        return ""
    if len(given) == 1 and given[0] in CODINGS:
        return given[0]
    what = f"the coding {given[0]!r}" if len(given) == 1 else f"several codings, {header!r}"
    raise GatewayError(
        Kind.UNSUPPORTED_CODING,
        f"The request body has {what}, by its Content-Encoding, and was not read. "
        f"Send it with one of {', '.join(CODINGS)}, or without a coding.",
        field="Content-Encoding",
    )


def _decoded(data: bytes, coding: str, limit: int) -> bytes:
    """In the native thread if it is large: encoded, or once it is decoded."""
    decoding = Decoding(CODINGS[coding], data)
    try:
        if len(data) <= native.LARGE:
            decoding.advance(min(native.LARGE, limit))
        if not decoding.complete and decoding.size <= limit:
            native.apart(decoding.advance, limit)
    except Damaged as error:
        raise GatewayError(
            Kind.INVALID_REQUEST,
            f"The request body is not valid {coding}, which its Content-Encoding says it is: "
            f"{error}.",
            field="Content-Encoding",
            code="damaged_coding",
        ) from None
    if not decoding.complete:
        raise GatewayError(
            Kind.REQUEST_TOO_LARGE,
            f"The request body, decoded from {coding}, is larger than MAX_BODY_BYTES allows.",
        )
    return decoding.result()


def _received(current: Request, limit: int) -> bytes:
    """What was sent."""
    source = current.environ["wsgi.input"]
    if isinstance(source, ReceivedBody):
        return _within(limit, source.read())
    length = current.content_length
    if length is not None and length > limit:
        raise RequestEntityTooLarge
    seconds = GRACE + (limit if length is None else length) / SLOWEST
    try:
        with gevent.Timeout(seconds, _TooSlow):
            if length is None:
                return _of_unknown_length(current, limit)
            return _of_length(current, length)
    except ParseException as error:  # its text would repeat what was received
        raise GatewayError(
            Kind.INVALID_REQUEST,
            "The request body is not valid chunked data: the size of a chunk, the end of a chunk "
            "or a trailer field is malformed. Send it with a Content-Length, or correct it.",
            code=type(error).__name__,
        ) from None
    except _TooSlow:
        raise GatewayError(
            Kind.INVALID_REQUEST,
            f"The request body was incomplete after {seconds:.0f} seconds; send it faster.",
        ) from None


def _of_length(request: Request, length: int) -> bytes:
    """In one read: gunicorn copies its buffer at each of werkzeug's many small reads."""
    data = _read(request, length)
    if len(data) < length:
        raise ClientDisconnected
    return data


def _of_unknown_length(request: Request, limit: int) -> bytes:
    """Read to one byte over the limit; a chunked body ends by itself."""
    return _within(limit, _read(request, limit + 1))


def _within(limit: int, data: bytes) -> bytes:
    if len(data) > limit:
        raise RequestEntityTooLarge
    return data


def _read(request: Request, size: int) -> bytes:
    try:
        data: bytes = request.environ["wsgi.input"].read(size)
    except OSError as error:
        raise ClientDisconnected from error
    return data
