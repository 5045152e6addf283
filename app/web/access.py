"""One line in the log for each request, written when its answer is out. Never a prompt or a key."""

import logging
import re
from time import monotonic
from typing import Any
from uuid import uuid4

from flask import Flask, Response, g, request

from app.errors import GatewayError

log = logging.getLogger("kiro2api.access")

SANE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Record:
    """What is known of one request; whoever learns more adds it to ``fields``."""

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.started = monotonic()
        self.fields: dict[str, Any] = {}

    def fail(self, error: GatewayError) -> None:
        """Note what went wrong."""
        self.fields |= {"error": error.kind.value, "message": error.message}
        if error.code:
            self.fields["error_code"] = error.code
        if error.upstream_id:
            self.fields["upstream_id"] = error.upstream_id

    def write(self) -> None:
        """Log the line. Called once, by the server, when the answer was sent or given up."""
        elapsed = round((monotonic() - self.started) * 1000, 1)
        log.info("request", extra={"fields": {**self.fields, "total_ms": elapsed}})


def record() -> Record:
    """The current request's record."""
    current: Record = g.record
    return current


def install(app: Flask) -> None:
    """Give each request an id (the client's own if it is sane), and log it when it is over."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.record = Record(given if SANE_ID.fullmatch(given) else f"req_{uuid4().hex}")

    @app.after_request
    def end(response: Response) -> Response:
        current = record()
        for name in ("request-id", "x-request-id"):
            response.headers.add(name, current.request_id)
        current.fields = {
            "request_id": current.request_id,
            "method": request.method,
            "path": request.path,
            "status": response.status_code,
            **current.fields,
        }
        response.call_on_close(current.write)
        return response
