"""What the two OpenAI dialects share: failures, images, tool arguments, efforts, sessions.

Not a dialect: Chat Completions and Responses both use it and do not know each other. Paths of
fields are written as OpenAI writes them: ``messages[0].content[1].image_url``.

Source: the types of the ``openai`` SDK 3.54, the API's published error codes, and requests of real
clients.
"""

import re
from collections.abc import Sequence, Set
from math import ceil
from time import time
from typing import Any, Literal, TypeAlias, cast

from app.common.errors import GatewayError, Kind
from app.common.openapi import Shape
from app.core.conversation import Document, Effort, Image, Remote, Text, Tool, ToolChoice
from app.core.headers import Headers
from app.core.lenient_json import decode_object
from app.core.media import MediaError, file
from app.core.media import image as read_image
from app.core.typed_json import FieldError, Path, Record, label

from .support import NOTHING_TO_CALL
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
    Kind.UNSUPPORTED_CODING: (_INVALID, "unsupported_content_encoding"),
    Kind.UNSUPPORTED_THREAD: (_INVALID, None),
    Kind.KEY_LIMITED: (_RATE, _RATE),
    Kind.BUDGET: (_QUOTA, _QUOTA),
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
    Kind.NOT_FULFILLED: (_SERVER, _SERVER),
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
"""Statuses that OpenAI's clients do not know, and the ones sent instead."""

CLIENT_CODES = frozenset(
    {
        "invalid_type",
        "missing_required_parameter",
        "model_not_found",
        "previous_response_not_found",
        "unsupported_parameter",
        "unsupported_value",
    }
)
"""Codes of a single failure that clients act on, and that precede the table's; all others are for
the log only."""

TOO_LONG = (
    "Your input exceeds the context window of this model. Please adjust your input and try again. "
    "This model's maximum context length is {}"
)
"""The words from which clients that do not read codes know that they must shorten the conversation:
OpenAI's sentence, then the one that LiteLLM looks for. LiteLLM fails on a text with both kinds of
quotes."""


def body(error: GatewayError, request_id: str, *, conversation: str = "") -> bytes:
    """The body of an HTTP answer that is an error; ``conversation`` as in :func:`failure`. The
    request's id is in a header alone.
    """
    return encode(OpenAIError(failure(error, conversation)))


def failure(error: GatewayError, conversation: str = "") -> OpenAIFailure:
    """The error as the API writes it. ``conversation`` is the field that holds the conversation,
    which is named if it is too long.
    """
    kind, code = ERRORS[error.kind]
    if error.code in CLIENT_CODES:
        code = error.code
    too_long = error.kind is Kind.CONTEXT_TOO_LONG
    message = _too_long(error) if too_long else error.told
    field = error.field or (conversation if too_long else "")
    return OpenAIFailure(message, kind, field or None, code)


def status(error: GatewayError) -> int:
    """The HTTP status for OpenAI's clients."""
    return STATUSES.get(error.status, error.status)


def rate_headers(limit: int, remaining: int, reset: float) -> dict[str, str]:
    """How many requests a key has left; ``reset`` is in seconds since the epoch."""
    minutes, seconds = divmod(max(0, ceil(reset - time())), 60)
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": f"{minutes}m{seconds}s" if minutes else f"{seconds}s",
    }


def _too_long(error: GatewayError) -> str:
    why = error.message.replace('"', "'")
    if error.overrun is None:
        return f"{TOO_LONG.format('exceeded')}: {why}"
    tokens, maximum = error.overrun
    told = TOO_LONG.format(f"{maximum} tokens")
    return f"{told}. However, your messages resulted in {tokens} tokens. {why}"


def refusal(error: FieldError, code: str = "") -> GatewayError:
    """The 400 for a wrong member of the body."""
    where = dotted(error.path)
    message = f"{where}: {error.problem}" if where else error.problem
    return GatewayError(Kind.INVALID_REQUEST, message, field=where, code=code)


def dotted(path: Path) -> str:
    """``("messages", 0, "content")`` as ``messages[0].content``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return "".join(steps).removeprefix(".")


# Images and files

_DATA_URL = re.compile(r"data:([^;,]*)(?:;[^;,]*)*?;base64,", re.IGNORECASE)
_LONGEST_START = 1024
"""Characters of a data URL up to its data."""


def data_url(url: str) -> tuple[str, str] | None:
    """The media type, in lower case, and the base64 of a ``data:`` URL; None for any other URL."""
    found = _DATA_URL.match(url, 0, _LONGEST_START)
    return (found[1].lower(), url[found.end() :]) if found else None


def is_remote(url: str) -> bool:
    """Whether a URL is one that could be fetched."""
    return url[:8].lower().startswith(("http://", "https://"))


def image(url: str, record: Record, *member: str, in_result: bool) -> Image | Text | Remote:
    """The image inside a ``data:`` URL, or at an http one, which stands in this member of the part.
    Raises :class:`FieldError` with an empty path.

    In the result of a tool, the model is told of an image that cannot be sent: a tool made it, so
    the client could not go on after a refusal.
    """
    if is_remote(url):
        return Remote(url, "image", dotted((*record.place, *member)))
    found = data_url(url)
    if found is None:
        raise FieldError(
            (), "this URL cannot be read by this gateway; send data:image/...;base64,..."
        )
    try:
        return read_image(found[1])
    except MediaError as error:
        if not in_result:
            raise FieldError((), str(error)) from None
        record.note("image_as_text")
        return Text(f"[image left out: {error}]")


def attachment(
    given: str, name: str | None, record: Record, *, in_result: bool
) -> Document | Image | Text:
    """The file in ``given``, a ``data:`` URL or base64. Raises :class:`FieldError` with an empty
    path; in the result of a tool, the model is told of a file that cannot be sent, as of an image.
    """
    media_type, data = data_url(given) or ("", given)
    try:
        return file(data, media_type, name, dotted(record.place))
    except MediaError as error:
        if not in_result:
            raise FieldError((), str(error)) from None
        record.note("document_as_text")
        return Text(
            f"[document {name!r} left out: {error}]" if name else f"[document left out: {error}]"
        )


# Tools

Mode: TypeAlias = Literal["auto", "any", "none"]
MODES: dict[str, Mode] = {"none": "none", "auto": "auto", "required": "any"}


def arguments(text: str, record: Record) -> dict[str, Any]:
    """The input of a call in the history, from its JSON text. Models do write text that is not a
    JSON object, and their agents keep it: it becomes the one member ``arguments``, and is noted.
    """
    if not text.strip():
        return {}
    record.check_nested(text)
    try:
        return decode_object(text)
    except ValueError:
        record.note("invalid_arguments_wrapped")
        return {"arguments": text}


def mode_choice(mode: str, tools: Sequence[Tool]) -> ToolChoice:
    """A ``tool_choice`` that is a string. Raises :class:`FieldError` for an unknown value, and for
    ``required`` where no tool can be called: none was offered, or all were ignored.
    """
    if mode not in MODES:
        raise FieldError((), f"Input should be one of {', '.join(map(repr, MODES))}, or an object")
    if mode == "required" and not tools:
        raise FieldError((), NOTHING_TO_CALL)
    return ToolChoice(MODES[mode])


def named_choice(name: str, tools: Sequence[Tool]) -> ToolChoice:
    """A ``tool_choice`` that names a tool. Raises :class:`FieldError` if it is not offered."""
    return ToolChoice("tool", offered_name(name, {tool.name for tool in tools}))


def described(schema: dict[str, Any], description: str | None) -> dict[str, Any]:
    """The schema of an answer, with what its format is said to be for where it says nothing."""
    return {"description": description, **schema} if schema and description else schema


def offered_name(name: str, offered: Set[str]) -> str:
    """The name itself. Raises :class:`FieldError` if it is not among those offered."""
    if name not in offered:
        raise FieldError((), f"Tool {name!r} not found in provided tools")
    return name


# The effort of reasoning, and the session

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def effort(wanted: str | None, record: Record) -> Effort | None:
    """The effort asked for; ``minimal``, which no model here has, becomes ``low``. Raises
    :class:`FieldError` for an unknown value.
    """
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
    """The client's session, "" if it names none. Members that name a person (``user``,
    ``safety_identifier``) are not one: a person has many conversations.
    """
    for name in SESSION_HEADERS:
        if given := headers.get(name):
            return label(given, name)
    return prompt_cache_key or ""


PARENT_HEADER = "X-Codex-Parent-Thread-Id"


def root(headers: Headers) -> str:
    """The session of the agent that started this one, "" if none did."""
    return label(headers.get(PARENT_HEADER) or "", PARENT_HEADER)
