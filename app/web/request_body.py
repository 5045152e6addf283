"""The body of a request, within its limits of size and time."""

import gevent
from flask import Request, current_app, request
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
    GatewayError for one that comes too slowly, which would occupy a connection for very long.
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
    except _TooSlow:
        raise GatewayError(
            Kind.INVALID_REQUEST,
            f"The request body was incomplete after {seconds:.0f} seconds; send it faster.",
        ) from None


def _of_length(request: Request, length: int) -> bytes:
    """In one read: gunicorn copies its buffer at each of werkzeug's many small reads."""
    try:
        data: bytes = request.environ["wsgi.input"].read(length)
    except OSError as error:
        raise ClientDisconnected from error
    if len(data) < length:
        raise ClientDisconnected
    return data


def _of_unknown_length(request: Request, limit: int) -> bytes:
    """Read to one byte over the limit, since werkzeug silently ends the body at the limit."""
    request.max_content_length = limit + 1
    data = request.get_data(cache=False)
    if len(data) > limit:
        raise RequestEntityTooLarge
    return data
