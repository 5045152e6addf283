"""Failures as HTTP answers, each in the shape of the dialect of its request."""

import logging
from collections.abc import Callable
from typing import NamedTuple

from flask import Response
from werkzeug.exceptions import ClientDisconnected, HTTPException, MethodNotAllowed

from app.common.errors import POLICY, GatewayError, Kind

from .content_coding import CODINGS
from .context import RequestContext

log = logging.getLogger("kiro2api.web")

KINDS = {
    404: Kind.NOT_FOUND,
    405: Kind.METHOD_NOT_ALLOWED,
    413: Kind.REQUEST_TOO_LARGE,
}
"""Werkzeug's refusals as ours; any other 4xx of Werkzeug is an invalid request."""

LONGEST_RETRY_AFTER = 31 * 24 * 3600
"""Seconds; quotas reset every month. What reports a failure must not fail at a number."""

RateHeaders = Callable[[int, int, float], dict[str, str]]
"""A dialect's headers for a limit, the requests that remain, and the moment when the next one is
allowed, in seconds since the epoch."""


class ErrorForm(NamedTuple):
    """How a dialect reports a failure: ``body`` makes the JSON from the failure and the request's
    id, ``status`` the HTTP status; ``rate_headers`` report how much a client's key has left."""

    body: Callable[[GatewayError, str], bytes]
    status: Callable[[GatewayError], int]
    rate_headers: RateHeaders


def response(error: Exception, context: RequestContext, form: ErrorForm) -> Response:
    """The answer to a request that failed with any exception."""
    failure = as_failure(error, context)
    answer = Response(
        form.body(failure, context.request_id),
        form.status(failure),
        retry_headers(failure),
        mimetype="application/json",
    )
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    if failure.kind is Kind.UNSUPPORTED_CODING:
        answer.headers["Accept-Encoding"] = ", ".join(CODINGS)
    return answer


def as_failure(error: Exception, context: RequestContext) -> GatewayError:
    """Any exception as a failure that the client can be sent, noted in the request's context.

    One that is neither ours nor Werkzeug's is a bug: the log gets its traceback.
    """
    if isinstance(error, GatewayError):
        failure = error
    elif isinstance(error, HTTPException):
        failure = _from_werkzeug(error, context)
    else:
        log.error("unexpected failure", exc_info=error)
        failure = GatewayError(
            Kind.INTERNAL,
            "The gateway failed; this is a bug. Its log says more under the request id.",
        )
    context.fail(failure)
    return failure


def _from_werkzeug(error: HTTPException, context: RequestContext) -> GatewayError:
    status = error.code or 500
    if isinstance(error, ClientDisconnected):
        return GatewayError(
            Kind.INVALID_REQUEST,
            "The request body is incomplete: it broke off, or paused for KIRO_CLIENT_STALL.",
        )
    if status >= 500:
        return GatewayError(Kind.INTERNAL, error.description or "The gateway failed.")
    kind = KINDS.get(status, Kind.INVALID_REQUEST)
    messages = {
        Kind.NOT_FOUND: f"There is nothing at {context.path}.",
        Kind.METHOD_NOT_ALLOWED: f"{context.path} does not take {context.method}.",
        Kind.REQUEST_TOO_LARGE: "The request body is larger than MAX_BODY_BYTES allows.",
    }
    return GatewayError(kind, messages.get(kind, error.description or "The request is not valid."))


def retry_headers(error: GatewayError) -> dict[str, str]:
    """``retry-after`` in whole seconds and ``x-should-retry``, which all official SDKs obey."""
    headers = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(round(min(max(1, error.retry_after), LONGEST_RETRY_AFTER)))
    if (retry := POLICY[error.kind].client_retry) is not None:
        headers["x-should-retry"] = "true" if retry else "false"
    return headers
