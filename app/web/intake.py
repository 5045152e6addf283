"""The body of a request, within its limits of size and time."""

import gevent
from flask import current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from app.errors import GatewayError, Kind

GRACE, SLOWEST = 60.0, 32 * 1024
"""A body has so many seconds, and one more for each so many bytes. A pause in it is bounded too, by
the time-out of the client's socket."""


def body() -> bytes:
    """The raw body. Raises werkzeug's RequestEntityTooLarge for one over ``MAX_CONTENT_LENGTH``,
    and GatewayError for one that comes too slowly, which would hold a connection for very long.

    A body with Content-Length is refused before it is read. One without is read to one byte over
    the limit, since werkzeug ends it at the limit without a word.
    """
    limit: int = current_app.config["MAX_CONTENT_LENGTH"]
    expected = request.content_length
    if expected is None:
        expected = request.max_content_length = limit + 1
    seconds = GRACE + min(expected, limit) / SLOWEST
    too_slow = GatewayError(
        Kind.INVALID_REQUEST,
        f"The request body was not whole after {seconds:.0f} seconds; it must come faster.",
    )
    with gevent.Timeout(seconds, too_slow):
        data = request.get_data(cache=False)
    if len(data) > limit:
        raise RequestEntityTooLarge
    return data
