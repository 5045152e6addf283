"""Failures as HTTP answers, each in the shape of the dialect that was spoken to."""

import logging
from collections.abc import Callable
from typing import NamedTuple

from flask import Flask, Response, request
from werkzeug.exceptions import ClientDisconnected, HTTPException

from app.core.headers import Headers
from app.errors import POLICY, GatewayError, Kind
from app.keys.limits import Tell

from .access import Record, record

log = logging.getLogger("kiro2api.web")

KINDS = {
    404: Kind.NOT_FOUND,
    405: Kind.METHOD_NOT_ALLOWED,
    413: Kind.REQUEST_TOO_LARGE,
}
"""Werkzeug's refusals as ours; any other of its 4xx is an invalid request."""


class ErrorForm(NamedTuple):
    """How a dialect tells a failure: the JSON body for it and the request's id, and the status; and
    the headers that tell what a client's key may still ask."""

    body: Callable[[GatewayError, str], bytes]
    status: Callable[[GatewayError], int]
    rate_headers: Tell


def install(app: Flask, form_of: Callable[[str, Headers], ErrorForm]) -> None:
    """``form_of(path, headers)`` tells which dialect a request speaks."""

    @app.errorhandler(GatewayError)
    def gateway_error(error: GatewayError) -> Response:
        current = record()
        current.fail(error)
        form = form_of(request.path, request.headers)
        return Response(
            form.body(error, current.request_id),
            form.status(error),
            retry_headers(error),
            mimetype="application/json",
        )

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        response = gateway_error(_from_werkzeug(error))
        if error.code == 405 and (allowed := getattr(error, "valid_methods", None)):
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    @app.errorhandler(Exception)
    def bug(error: Exception) -> Response:
        return gateway_error(as_failure(error, record()))


def as_failure(error: Exception, current: Record) -> GatewayError:
    """Any exception as a failure that a client can be told, noted in the request's record."""
    if not isinstance(error, GatewayError):
        log.error(
            "unexpected failure",
            exc_info=error,
            extra={"fields": {"request_id": current.request_id}},
        )
        error = GatewayError(
            Kind.INTERNAL,
            "The gateway failed; this is a defect. Its log tells more under the request id.",
        )
    current.fail(error)
    return error


def _from_werkzeug(error: HTTPException) -> GatewayError:
    status = error.code or 500
    if isinstance(error, ClientDisconnected):
        return GatewayError(
            Kind.INVALID_REQUEST,
            "The request body did not come whole: it broke off, or paused for KIRO_CLIENT_STALL.",
        )
    if status >= 500:
        return GatewayError(Kind.INTERNAL, error.description or "The gateway failed.")
    kind = KINDS.get(status, Kind.INVALID_REQUEST)
    words = {
        Kind.NOT_FOUND: f"There is nothing at {request.path}.",
        Kind.METHOD_NOT_ALLOWED: f"{request.path} does not take {request.method}.",
        Kind.REQUEST_TOO_LARGE: "The request body is larger than MAX_BODY_BYTES allows.",
    }
    return GatewayError(kind, words.get(kind, error.description or "The request is not valid."))


def retry_headers(error: GatewayError) -> dict[str, str]:
    """``retry-after`` in whole seconds and ``x-should-retry``, which all official SDKs obey."""
    headers = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after)))
    if (again := POLICY[error.kind].client_retry) is not None:
        headers["x-should-retry"] = "true" if again else "false"
    return headers
