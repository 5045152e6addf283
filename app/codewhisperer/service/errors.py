"""Converts upstream errors, of HTTP responses and inside a stream, to
:class:`app.common.errors.GatewayError`.

The type of an error is in the header ``x-amzn-errortype``, or in the body as ``code`` or
``__type``; its ``reason``, its message and ``retryAfterMilliseconds`` are in the body or in an
``error`` object inside it. The edge
in front of the service responds with plain text or HTML. Source: Amazon Q CLI, AWS language
servers, published reports. The table in :mod:`.error_table` says what an error means.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from html import unescape
from typing import Any

import msgspec

from app.common.errors import GatewayError, Kind
from app.common.masking import TOKENS
from app.common.waits import LONGEST_WAIT, retry_after
from app.core.events import Event
from app.eventstream.frames import FrameError, TruncatedMessage

from .error_rule import ParsedError
from .error_table import REASONS, RULES
from .news import tell

_LONGEST_QUOTE = 300  # characters of the upstream's message that are passed on
_LONGEST_CODE = 64
_LONGEST_ID = 128
_ID_HEADERS = ("x-amzn-requestid", "x-amzn-request-id", "x-amz-request-id")  # as in the AWS SDKs
_LONGEST_TEXT = 16 * 1024  # no error message is longer, but an HTML page may have any size


_TYPES = {
    "error": "InternalServerException",
    "throttlingError": "ThrottlingException",
    "validationError": "ValidationException",
    "serviceUnavailableError": "ServiceUnavailableException",
}
"""The type of an exception inside a stream, by the name that the newest hosts give it: that of its
member of the stream's union. Older hosts send the type's name. Source: the client of the Kiro
runtime service in the Amazon Q Developer CLI, and the mock of that service which it is tested with.
"""


class StreamError(GatewayError):
    """A failure in the middle of an answer. ``events`` are those that the same call decoded before
    the failure; they are valid, and the caller delivers them first.
    """

    def __init__(self, failure: GatewayError, events: Sequence[Event]) -> None:
        super().__init__(
            failure.kind, failure.message, code=failure.code, retry_after=failure.retry_after
        )
        self.events = events


def from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: Callable[[], float] = time.time,
) -> GatewayError:
    """The error of an HTTP response without success. ``now``: seconds since the epoch."""
    named = {name.lower(): value for name, value in headers.items()}
    parsed = _parse_error(status, named.get("x-amzn-errortype", ""), body)
    error = _error(parsed, retry_after(named.get("retry-after", ""), now()))
    error.upstream_id = upstream_id(named)
    return error


def upstream_id(headers: Mapping[str, str]) -> str:
    """The upstream's id of a request, which the service's support asks for; "" if the response has
    none. Names of headers must be in lower case.
    """
    found = (headers[name] for name in _ID_HEADERS if name in headers)
    return next(found, "")[:_LONGEST_ID]


def from_stream(name: str, payload: bytes = b"", message: str = "") -> GatewayError:
    """The error of a frame: an exception's type and payload, or an error's code and message. The
    newest hosts' names of exceptions are read as those of their types.
    """
    parsed = _parse_error(0, _TYPES.get(name, name), payload)
    return _error(parsed._replace(message=parsed.message or _clean(message)), None)


def from_frames(error: FrameError) -> GatewayError:
    """The error of a body that is not an event stream, or ends inside a frame."""
    if isinstance(error, TruncatedMessage):
        return GatewayError(
            Kind.TRUNCATED, "The upstream's answer ended in the middle of an event. Try again."
        )
    return corrupt(str(error), code=type(error).__name__)


def corrupt(why: str, *, code: str = "") -> GatewayError:
    """The error of an answer that cannot be read; ``why`` must not contain its content."""
    return GatewayError(
        Kind.CORRUPT, f"The upstream's answer is damaged: {why}. Try again.", code=code
    )


def _error(parsed: ParsedError, header: float | None) -> GatewayError:
    """``header``: the seconds of Retry-After. The longer of two waits is the one that helps."""
    waits = [wait for wait in (header, parsed.retry_after) if wait is not None]
    rule = next(rule for rule in RULES if rule.matches(parsed))
    if parsed.reason and parsed.reason not in REASONS:
        tell("the reason", parsed.reason)
    name = parsed.types[0] if parsed.types else ""
    status = f"HTTP {parsed.status}" if parsed.status else ""
    facts = ", ".join(filter(None, (status, name, parsed.reason))) or "no details"
    quote = f'The upstream said: "{_shortened(parsed.message)}" ' if parsed.message else ""
    return GatewayError(
        rule.kind,
        f"{rule.explanation} {quote}({facts})",
        code=rule.code or parsed.reason or name or status.replace(" ", "_").lower(),
        retry_after=max(waits, default=rule.retry_after),
    )


def _parse_error(status: int, name: str, body: bytes) -> ParsedError:
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return ParsedError(status, tuple(filter(None, [_bare(name)])), "", _plain(body))
    inner = document.get("error") if isinstance(document, dict) else None
    members = [part for part in (document, inner) if isinstance(part, dict)]
    types = [_bare(name), _bare(_first(members, "code")), _bare(_first(members, "__type"))]
    return ParsedError(
        status,
        tuple(dict.fromkeys(filter(None, types))),
        _code(_first(members, "reason")),
        _clean(_first(members, "message", "Message", "errorMessage")),
        _seconds([part.get("retryAfterMilliseconds") for part in members]),
    )


def _seconds(milliseconds: Sequence[Any]) -> float | None:
    """The first of these that is a number of milliseconds, in seconds, at most the longest wait."""
    for value in milliseconds:
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return min(value / 1000, LONGEST_WAIT)
    return None


def _first(members: Sequence[dict[str, Any]], *names: str) -> str:
    """The first of these members that is a non-empty string."""
    found = (part.get(name) for part in members for name in names)
    return next((value for value in found if isinstance(value, str) and value), "")


def _bare(name: str) -> str:
    """``com.amazon.coral.service#ThrottlingException:http://...`` -> ``ThrottlingException``"""
    return _code(name.partition(":")[0].rpartition("#")[2])


def _code(name: str) -> str:
    return re.sub(r"[^\w.-]", "", name)[:_LONGEST_CODE]


_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


def _plain(body: bytes) -> str:
    """The message of a body that is not JSON; for an HTML page, its title."""
    text = body[:_LONGEST_TEXT].decode("utf-8", "replace")
    if text.lstrip().startswith("<"):
        title = _TITLE.search(text)
        text = unescape(title[1]) if title else ""
    return _clean(text)


_SECRET = re.compile(rf"{TOKENS}|[\w+/=-]{{64,}}")


def _clean(text: str) -> str:
    """One printable line in which everything that looks like a token is masked."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:_LONGEST_TEXT]).split())
    return _SECRET.sub("***", line).replace('"', "'")


def quoted(text: str) -> str:
    """What the upstream says, as a sentence that may be shown; "" if it says nothing."""
    line = _clean(text)
    return f'The upstream said: "{_shortened(line)}"' if line else ""


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST_QUOTE else f"{line[: _LONGEST_QUOTE - 3]}..."
