"""The body of a request, within the limit."""

from flask import current_app, request
from werkzeug.exceptions import RequestEntityTooLarge


def body() -> bytes:
    """The raw body. Raises werkzeug's RequestEntityTooLarge for one over ``MAX_CONTENT_LENGTH``.

    A body with Content-Length is refused before it is read. One without is read to one byte over
    the limit, since werkzeug ends it at the limit without a word.
    """
    limit = current_app.config["MAX_CONTENT_LENGTH"]
    if request.content_length is None:
        request.max_content_length = limit + 1
    data = request.get_data(cache=False)
    if len(data) > limit:
        raise RequestEntityTooLarge
    return data
