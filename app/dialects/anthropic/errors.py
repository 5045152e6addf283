"""Failures in the form of the Messages API.

Their HTTP statuses are in :mod:`app.common.errors`; ``retry-after`` and ``x-should-retry``, the
same for every dialect, are set in :mod:`app.web.failures`.
"""

from datetime import UTC, datetime
from math import ceil

from msgspec import UNSET

from app.common.errors import GatewayError, Kind
from app.dialects.wire import encode

from . import shapes

TYPES: dict[Kind, shapes.ErrorType] = {
    Kind.INVALID_REQUEST: "invalid_request_error",
    Kind.AUTHENTICATION: "authentication_error",
    Kind.PERMISSION: "permission_error",
    Kind.NOT_FOUND: "not_found_error",
    Kind.METHOD_NOT_ALLOWED: "invalid_request_error",
    Kind.REQUEST_TOO_LARGE: "request_too_large",
    Kind.UNSUPPORTED_CODING: "invalid_request_error",
    Kind.UNSUPPORTED_THREAD: "invalid_request_error",
    Kind.KEY_LIMITED: "rate_limit_error",
    Kind.BUDGET: "rate_limit_error",
    Kind.CONTEXT_TOO_LONG: "invalid_request_error",
    Kind.INVALID_MODEL: "not_found_error",
    Kind.REJECTED: "invalid_request_error",
    Kind.THROTTLED: "rate_limit_error",
    Kind.QUOTA: "rate_limit_error",
    Kind.CAPACITY: "overloaded_error",
    Kind.SUSPENDED: "permission_error",
    Kind.REFUSED_TOKEN: "permission_error",
    Kind.FORBIDDEN: "permission_error",
    Kind.UNAVAILABLE: "api_error",
    Kind.UPSTREAM_ERROR: "api_error",
    Kind.CONNECTION: "api_error",
    Kind.TLS: "api_error",
    Kind.TIMEOUT: "timeout_error",
    Kind.TRUNCATED: "api_error",
    Kind.CORRUPT: "api_error",
    Kind.EMPTY: "api_error",
    Kind.NOT_FULFILLED: "api_error",
    Kind.NO_CREDENTIAL: "api_error",
    Kind.LOGIN_OVER: "permission_error",
    Kind.OVERLOADED: "overloaded_error",
    Kind.CANCELLED: "api_error",
    Kind.SHUTTING_DOWN: "overloaded_error",
    Kind.INTERNAL: "api_error",
}

CLIENT_CODES = frozenset({"thread_unsupported_request"})
"""The codes that clients act on; all others are for the log only."""

TOO_LONG = "prompt is too long"
"""The words from which clients know that they must shorten the conversation."""

CAPABILITIES = {
    "THINKING_SIGNATURE_INVALID": "thinking_signature",
    "IMAGE_COUNT_EXCEEDED": "media_budget",
    "IMAGE_DIMENSION_EXCEEDED": "image_block",
    "IMAGE_SIZE_EXCEEDED": "image_block",
    "IMAGE_FORMAT_UNSUPPORTED": "image_block",
    "IMAGE_MIME_MISMATCH": "image_block",
    "output_config.effort": "effort_unsupported",
    "output_config.format": "structured_outputs_unsupported",
    "output_config.format.type": "structured_outputs_unsupported",
}
"""By the code or the field of a refusal: the class by which Claude Code sends the request again
without what was refused ("Claude Code gateway protocol", in Claude Code 2.1.332). The refusals that
name the place of an image or a document, and those of a prompt that is too long, have no row: it
knows them by their words, and a class would hide the place."""


def body(error: GatewayError, request_id: str) -> bytes:
    """The body of an HTTP answer that is an error."""
    return encode(failure(error, request_id))


def failure(error: GatewayError, request_id: str) -> shapes.AnthropicError:
    """The error as the API writes it, over HTTP and in a stream's ``error`` event alike."""
    details = shapes.ErrorDetails(error.code) if error.code in CLIENT_CODES else UNSET
    inner = shapes.AnthropicFailure(TYPES[error.kind], _message(error), details)
    return shapes.AnthropicError(inner, request_id)


def status(error: GatewayError) -> int:
    """The HTTP status."""
    return error.status


def rate_headers(limit: int, remaining: int, reset: float) -> dict[str, str]:
    """How many requests a key has left; ``reset`` is in seconds since the epoch."""
    return {
        "anthropic-ratelimit-requests-limit": str(limit),
        "anthropic-ratelimit-requests-remaining": str(remaining),
        "anthropic-ratelimit-requests-reset": f"{datetime.fromtimestamp(ceil(reset), UTC):%FT%TZ}",
    }


def _message(error: GatewayError) -> str:
    if error.status == 400 and error.kind is not Kind.CONTEXT_TOO_LONG:
        rejected = CAPABILITIES.get(error.code) or CAPABILITIES.get(error.field)
        return f"{error.message} (capability_rejected: {rejected})" if rejected else error.message
    if error.kind is not Kind.CONTEXT_TOO_LONG or error.message.startswith(TOO_LONG):
        return error.told
    if error.overrun is None:
        return f"{TOO_LONG}: {error.message}"
    tokens, maximum = error.overrun
    return f"{TOO_LONG}: {tokens} tokens > {maximum} maximum. {error.message}"
