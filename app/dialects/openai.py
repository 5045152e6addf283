"""What the two OpenAI dialects have in common: failures, images, tool arguments, efforts, sessions.

No dialect itself: Chat Completions and Responses use these words and know nothing of each other.
Paths of fields are written as OpenAI writes them, ``messages[0].content[1].image_url``.

Source: the types of the ``openai`` SDK 3.54, the API's published error codes, and requests of real
clients.
"""

import re
from collections.abc import Sequence
from math import ceil
from time import time
from typing import Any, Literal, TypeAlias, cast

from app.core.conversation import Effort, Image, Tool, ToolChoice
from app.core.headers import Headers
from app.core.lenient_json import decode_object
from app.core.media import IMAGE_FORMATS, is_base64
from app.core.typed_json import FieldError, Path, Record
from app.errors import GatewayError, Kind
from app.openapi import Shape

from .wire import encode

# Failures

_INVALID, _SERVER, _RATE = "invalid_request_error", "server_error", "rate_limit_exceeded"
_QUOTA, _FORBIDDEN = "insufficient_quota", "permission_denied"
ERRORS: dict[Kind, tuple[str, str | None]] = {
    Kind.INVALID_REQUEST: (_INVALID, None),
    Kind.AUTHENTICATION: (_INVALID, "invalid_api_key"),
    Kind.PERMISSION: (_INVALID, _FORBIDDEN),
    Kind.NOT_FOUND: (_INVALID, None),
    Kind.METHOD_NOT_ALLOWED: (_INVALID, None),
    Kind.REQUEST_TOO_LARGE: (_INVALID, "request_too_large"),
    Kind.UNSUPPORTED_THREAD: (_INVALID, None),
    Kind.KEY_LIMITED: (_RATE, _RATE),
    Kind.CONTEXT_TOO_LONG: (_INVALID, "context_length_exceeded"),
    Kind.INVALID_MODEL: (_INVALID, "model_not_found"),
    Kind.REJECTED: (_INVALID, None),
    Kind.THROTTLED: (_RATE, _RATE),
    Kind.QUOTA: (_QUOTA, _QUOTA),
    Kind.CAPACITY: (_RATE, _RATE),
    Kind.SUSPENDED: (_INVALID, _FORBIDDEN),
    Kind.REFUSED_TOKEN: (_INVALID, _FORBIDDEN),
    Kind.FORBIDDEN: (_INVALID, _FORBIDDEN),
    Kind.UNAVAILABLE: (_SERVER, _SERVER),
    Kind.UPSTREAM_ERROR: (_SERVER, _SERVER),
    Kind.CONNECTION: (_SERVER, _SERVER),
    Kind.TLS: (_SERVER, _SERVER),
    Kind.TIMEOUT: (_SERVER, _SERVER),
    Kind.TRUNCATED: (_SERVER, _SERVER),
    Kind.CORRUPT: (_SERVER, _SERVER),
    Kind.EMPTY: (_SERVER, _SERVER),
    Kind.NO_CREDENTIAL: (_SERVER, _SERVER),
    Kind.LOGIN_OVER: (_INVALID, _FORBIDDEN),
    Kind.OVERLOADED: (_RATE, _RATE),
    Kind.CANCELLED: (_SERVER, _SERVER),
    Kind.SHUTTING_DOWN: (_SERVER, _SERVER),
    Kind.INTERNAL: (_SERVER, _SERVER),
}
"""The ``type`` and ``code`` of each kind of failure."""


class OpenAIFailure(Shape, frozen=True):
    """The ``error`` of a failure."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(Shape, frozen=True):
    """The body of any failure, and the last event of a Chat Completions stream that fails."""

    error: OpenAIFailure


STATUSES = {529: 429}
"""Statuses that OpenAI's clients do not know, and what they are told instead."""

CLIENT_CODES = frozenset(
    {"model_not_found", "previous_response_not_found", "unsupported_parameter", "unsupported_value"}
)
"""Codes of a single failure that clients act on, and that go before the table's; others are for the
log."""

TOO_LONG = "This model's maximum context length is exceeded"
"""The words by which clients that do not read codes know that they must shorten the conversation.
"""


def body(error: GatewayError, request_id: str) -> bytes:
    """The body of an HTTP answer that is an error. The request's id is in a header alone."""
    return encode(OpenAIError(failure(error)))


def failure(error: GatewayError) -> OpenAIFailure:
    """The error as the API writes it."""
    kind, code = ERRORS[error.kind]
    if error.code in CLIENT_CODES:
        code = error.code
    return OpenAIFailure(_message(error), kind, error.field or None, code)


def status(error: GatewayError) -> int:
    """The HTTP status that OpenAI's clients are told."""
    return STATUSES.get(error.status, error.status)


def rate_headers(limit: int, remaining: int, reset: float) -> dict[str, str]:
    """What a key may still ask; ``reset`` in seconds since the epoch."""
    minutes, seconds = divmod(max(0, ceil(reset - time())), 60)
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": f"{minutes}m{seconds}s" if minutes else f"{seconds}s",
    }


def _message(error: GatewayError) -> str:
    if error.kind is not Kind.CONTEXT_TOO_LONG or error.message.startswith(TOO_LONG):
        return error.message
    if error.overrun is None:
        return f"{TOO_LONG}: {error.message}"
    tokens, maximum = error.overrun
    return (
        f"This model's maximum context length is {maximum} tokens. However, your messages resulted "
        f"in {tokens} tokens. {error.message}"
    )


def refusal(error: FieldError, code: str = "") -> GatewayError:
    """The 400 for a member of the body that is wrong."""
    where = dotted(error.path)
    message = f"{where}: {error.problem}" if where else error.problem
    return GatewayError(Kind.INVALID_REQUEST, message, field=where, code=code)


def dotted(path: Path) -> str:
    """``("messages", 0, "content")`` as ``messages[0].content``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


# Images and files

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*?;base64,", re.IGNORECASE)


def data_url(url: str) -> tuple[str, str] | None:
    """The media type, in lower case, and the base64 of a ``data:`` URL; None for another one."""
    found = _DATA_URL.match(url)
    return (found[1].lower(), url[found.end() :]) if found else None


def image(url: str) -> Image:
    """The image inside a ``data:`` URL. Raises :class:`FieldError` with an empty path."""
    found = data_url(url)
    if found is None:
        scheme = url.partition(":")[0].lower()
        told = f"images by {scheme} URL" if scheme in ("http", "https") else "this URL"
        raise FieldError(
            (), f"{told} cannot be read by this gateway; send data:image/...;base64,..."
        )
    media_type, data = found
    image_format = IMAGE_FORMATS.get(media_type)
    if image_format is None:
        raise FieldError((), "the image should be image/jpeg, image/png, image/gif or image/webp")
    if not is_base64(data):
        raise FieldError((), "the data URL should hold valid standard base64, not empty")
    return Image(image_format, data)


# Tools

Mode: TypeAlias = Literal["auto", "any", "none"]
MODES: dict[str, Mode] = {"none": "none", "auto": "auto", "required": "any"}


def arguments(text: str, record: Record) -> dict[str, Any]:
    """The input of a call in the history, from its JSON text. Models do write what is no JSON
    object, and their agents go on with it: that stands in one member ``arguments``, and is noted.
    """
    if not text.strip():
        return {}
    try:
        return decode_object(text)
    except ValueError:
        record.note("invalid_arguments_wrapped")
        return {"arguments": text}


def mode_choice(mode: str, tools: Sequence[Tool], record: Record) -> ToolChoice:
    """A ``tool_choice`` of one word. Where nothing is offered (all of it was ignored), ``required``
    cannot be kept and is ignored. Raises :class:`FieldError` for another word.
    """
    if mode not in MODES:
        raise FieldError((), f"Input should be one of {', '.join(map(repr, MODES))}, or an object")
    if mode == "required" and not tools:
        record.ignore("tool_choice")
        return ToolChoice()
    return ToolChoice(MODES[mode])


def named_choice(name: str, tools: Sequence[Tool]) -> ToolChoice:
    """A ``tool_choice`` that names one. Raises :class:`FieldError` when it is not offered."""
    if all(tool.name != name for tool in tools):
        raise FieldError((), f"Tool {name!r} not found in provided tools")
    return ToolChoice("tool", name)


# How much to think, and which conversation this is

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def effort(wanted: str | None, record: Record) -> Effort | None:
    """Raises :class:`FieldError` for a word that is no effort. No model here has ``minimal``."""
    if wanted == "minimal":
        record.note("minimal_effort_as_low")
        return "low"
    if wanted is None or wanted in EFFORTS:
        return cast("Effort | None", wanted)
    raise FieldError((), f"Input should be one of {', '.join(map(repr, EFFORTS))}")


SESSION_HEADERS = (
    "X-Conversation-ID",
    "X-Session-ID",
    "X-Session-Affinity",
    "Thread-Id",
    "Session-Id",
)


def session(headers: Headers, prompt_cache_key: str | None) -> str:
    """The client's session, if it tells one. Members that name a person (``user``,
    ``safety_identifier``) do not: one person holds many conversations.
    """
    for name in SESSION_HEADERS:
        if given := headers.get(name):
            return given
    return prompt_cache_key or ""
