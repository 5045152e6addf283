"""The body of a request, within its limits of size and time."""

import gevent
from flask import current_app, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from app.errors import GatewayError, Kind

GRACE, SLOWEST = 60.0, 32 * 1024
"""A body has so many seconds, and one more for each so many bytes. A pause in it is bounded too, by
the time-out of the client's socket."""


def body() -> bytes:
    """The raw body. Raises werkzeug's RequestEntityTooLarge for one over ``MAX_CONTENT_LENGTH``,
    and GatewayError for one that comes too slowly, which would hold a connection for very long.

    A body with Content-Length is refused before it is read. Raises werkzeug's ClientDisconnected
    for one that does not come whole.
    """
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
    length = request.content_length
    if length is not None and length > limit:
        raise RequestEntityTooLarge
    seconds = GRACE + (limit if length is None else length) / SLOWEST
    too_slow = GatewayError(
        Kind.INVALID_REQUEST,
        f"The request body was not whole after {seconds:.0f} seconds; it must come faster.",
    )
    with gevent.Timeout(seconds, too_slow):
        return _of_unknown_length(limit) if length is None else _of_length(length)


def _of_length(length: int) -> bytes:
    """In one read: werkzeug's many small ones make gunicorn copy what it holds each time."""
    try:
        data: bytes = request.environ["wsgi.input"].read(length)
    except OSError as error:
        raise ClientDisconnected from error
    if len(data) < length:
        raise ClientDisconnected
    return data


def _of_unknown_length(limit: int) -> bytes:
    """Read to one byte over the limit, since werkzeug ends it at the limit without a word."""
    request.max_content_length = limit + 1
    data = request.get_data(cache=False)
    if len(data) > limit:
        raise RequestEntityTooLarge
    return data
