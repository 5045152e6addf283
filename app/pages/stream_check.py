"""``GET /health/stream``: a short stream with pauses, from which one sees whether what is in front
of the gateway passes it on as it comes. It costs nothing; ``kiro2api doctor --front`` asks for it.
"""

import time
from collections.abc import Iterator, Mapping

from flask import Blueprint, Response

from app.server.response import FinalChunk

_EVENTS = 4
_PAUSE = 0.5


def blueprint(headers: Mapping[str, str]) -> Blueprint:
    """``headers`` are those of every stream of an answer."""
    routes = Blueprint("stream_check", __name__)

    @routes.get("/health/stream")
    def stream() -> Response:
        takes = {"x-kiro-takes": f"{_PAUSE * (_EVENTS - 1):g}"}
        return Response(_events(), mimetype="text/event-stream", headers={**headers, **takes})

    return routes


def _events() -> Iterator[bytes]:
    for number in range(_EVENTS):
        if number:
            time.sleep(_PAUSE)
        yield b'event: ping\ndata: {"number":%d}\n\n' % number
    yield FinalChunk()
