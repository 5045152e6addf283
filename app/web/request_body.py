"""The body of a request, within its limits of size and time."""

import gevent
from flask import Request, current_app, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from app.errors import GatewayError, Kind

GRACE, SLOWEST = 60.0, 32 * 1024
"""A body may take ``GRACE`` seconds, and one more for each ``SLOWEST`` bytes. The time-out of the
client's socket limits each pause in it."""


class _TooSlow(Exception):
    """Raised by the time-out in the code that waits for the body."""


def body() -> bytes:
    """The raw body.

    Raises werkzeug's RequestEntityTooLarge for one over ``MAX_CONTENT_LENGTH`` (before reading, if
    it has a Content-Length), werkzeug's ClientDisconnected for one that is incomplete, and
    GatewayError for one that is malformed, or that comes too slowly, which would occupy a
    connection for very long.
    """
    current: Request = request._get_current_object()  # type: ignore[attr-defined] # resolved once
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
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
    data = _read(request, limit + 1)
    if len(data) > limit:
        raise RequestEntityTooLarge
    return data


def _read(request: Request, size: int) -> bytes:
    try:
        data: bytes = request.environ["wsgi.input"].read(size)
    except OSError as error:
        raise ClientDisconnected from error
    return data
