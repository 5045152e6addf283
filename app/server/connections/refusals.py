"""Answers to what never becomes a request: bytes that are not HTTP, and heads over the limits.

What was received is neither logged nor repeated, since it may be part of a prompt or hold a key:
the log line and the answer name what is wrong, and the log line how long the head was.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any, NamedTuple

from gunicorn.http import errors
from gunicorn.util import http_date

from app.common.errors import GatewayError, Kind
from app.common.ids import random_id
from app.common.sockets import send_all

log = logging.getLogger("kiro2api.access")
bugs = logging.getLogger("kiro2api.web")

SEND_SECONDS = 1.0
"""How long a client may take to accept a refusal, which fits into any socket's buffer."""

FAULTS: dict[type[Exception], tuple[int, str]] = {
    errors.InvalidRequestLine: (400, "its request line is malformed"),
    errors.InvalidRequestMethod: (400, "its method is malformed"),
    errors.InvalidHTTPVersion: (400, "it names no version of HTTP that is served here, 1.0 or 1.1"),
    errors.InvalidHeader: (400, "one of its header fields is malformed"),
    errors.InvalidHeaderName: (400, "the name of one of its header fields is malformed"),
    errors.ObsoleteFolding: (400, "one of its header fields goes on in a second line"),
    errors.InvalidSchemeHeaders: (400, "its headers contradict each other on its scheme"),
    errors.LimitRequestLine: (414, "its request line is too long; 8190 bytes are allowed"),
    errors.LimitRequestHeaders: (431, "its headers are too large; at most 200 fields, 64 KB"),
    errors.ExpectationFailed: (417, "it expects something other than 100-continue"),
    errors.UnsupportedTransferCoding: (501, "its transfer coding is not chunked"),
    errors.InvalidProxyLine: (400, "its PROXY header is malformed"),
    errors.InvalidProxyHeader: (400, "its PROXY header is malformed"),
    errors.ForbiddenProxyRequest: (403, "its sender may not send a PROXY header"),
}
"""gunicorn's exceptions: the status, and what is wrong with the request."""

FRAMING = frozenset({"CONTENT-LENGTH", "TRANSFER-ENCODING", "HOST", "CONTENT-TYPE"})
"""The header fields that gunicorn checks by their meaning; the names are safe to repeat."""


class Answer(NamedTuple):
    """A failure as a dialect reports it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Refusals:
    """Writes refusals to clients' sockets. ``render(error, request_id)`` makes the answer."""

    def __init__(self, render: Callable[[GatewayError, str], Answer]) -> None:
        self._render = render

    def answer(self, client: Any, error: Exception, *, head_bytes: int = 0) -> None:
        """Answer with the failure and write its line in the log. The connection must be closed
        after this."""
        request_id = f"req_{random_id()}"
        status, failure = _failure(error, request_id)
        answer = self._render(failure, request_id)
        status = status or answer.status
        fields = {
            "request_id": request_id,
            "status": status,
            "error": failure.kind.value,
            "message": failure.message,
            "error_code": failure.code,
            "head_bytes": head_bytes,
        }
        log.info("request", extra={"fields": fields})
        headers = {
            "Date": http_date(),
            "Connection": "close",
            "Content-Type": "application/json",
            "Content-Length": str(len(answer.body)),
            "request-id": request_id,
            "x-request-id": request_id,
            **answer.headers,
        }
        lines = [f"HTTP/1.1 {status} {_reason(status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "\r\n"]).encode("latin-1")
        with suppress(OSError):  # it has left, or accepts nothing
            client.settimeout(SEND_SECONDS)
            send_all(client, head + answer.body)


def _failure(error: Exception, request_id: str) -> tuple[int, GatewayError]:
    """The status, 0 to leave it to the dialect, and the failure."""
    if isinstance(error, GatewayError):
        return 0, error
    if isinstance(error, errors.ParseException):
        fault = FAULTS.get(type(error))
        if fault is not None:
            status, what = fault
            if getattr(error, "hdr", "") in FRAMING:
                what = f"its header field {error.hdr.lower()} is not valid"  # type: ignore[attr-defined]
            message = f"This is not an HTTP request that can be served: {what}."
            code = type(error).__name__
            return status, GatewayError(Kind.INVALID_REQUEST, message, code=code)
    bugs.error("unexpected failure", exc_info=error, extra={"fields": {"request_id": request_id}})
    message = "The gateway failed; this is a bug. Its log says more under the request id."
    return 0, GatewayError(Kind.INTERNAL, message)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # a status of a dialect only
        return "Error"
