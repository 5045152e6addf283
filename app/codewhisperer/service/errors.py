"""Upstream errors, of HTTP answers and inside a stream, as :class:`app.errors.GatewayError`.

An error's type stands in the header ``x-amzn-errortype``, or in the body as ``code`` or ``__type``;
its ``reason`` and message in the body or in an ``error`` object inside it. Answers of the edge in
front of the service are plain text or HTML. Source: Amazon Q CLI, AWS language servers, published
reports. What an error means is the table in :mod:`.error_table`.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from html import unescape
from typing import Any

import msgspec

from app.core.events import Event
from app.errors import GatewayError, Kind
from app.eventstream.frames import FrameError, TruncatedMessage

from .error_table import RULES, ParsedError

_LONGEST_QUOTE = 300  # characters of the upstream's own words that are passed on
_LONGEST_CODE = 64
_LONGEST_ID = 128
_ID_HEADERS = ("x-amzn-requestid", "x-amzn-request-id", "x-amz-request-id")  # as the AWS SDKs
_READ_OF_TEXT = 16 * 1024  # no error says more; a page may be of any size


class StreamError(GatewayError):
    """A failure in the middle of an answer. ``events`` are those decoded by the same call, before
    it: they are good, and the caller delivers them first.
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
    """The error of an HTTP answer that is no success. ``now``: seconds since the epoch."""
    named = {name.lower(): value for name, value in headers.items()}
    refusal = _parse_error(status, named.get("x-amzn-errortype", ""), body)
    error = _error(refusal, _retry_after(named.get("retry-after", ""), now))
    error.upstream_id = upstream_id(named)
    return error


def upstream_id(headers: Mapping[str, str]) -> str:
    """The upstream's name for a request, which its support asks for; "" where an answer has none.
    The headers' names are in lower case.
    """
    found = (headers[name] for name in _ID_HEADERS if name in headers)
    return next(found, "")[:_LONGEST_ID]


def from_stream(name: str, payload: bytes = b"", message: str = "") -> GatewayError:
    """The error of a frame: an exception's type and payload, or an error's code and message."""
    refusal = _parse_error(0, name, payload)
    return _error(refusal._replace(message=refusal.message or _clean(message)), None)


def from_frames(error: FrameError) -> GatewayError:
    """The error of a body that is no event stream, or is cut inside a frame."""
    if isinstance(error, TruncatedMessage):
        return GatewayError(
            Kind.TRUNCATED, "The upstream's answer ended in the middle of an event. Try again."
        )
    return corrupt(str(error), code=type(error).__name__)


def corrupt(why: str, *, code: str = "") -> GatewayError:
    """The error of an answer that cannot be read; ``why`` holds nothing of its content."""
    return GatewayError(
        Kind.CORRUPT, f"The upstream's answer is damaged: {why}. Try again.", code=code
    )


def _error(refusal: ParsedError, retry_after: float | None) -> GatewayError:
    rule = next(rule for rule in RULES if rule.matches(refusal))
    name = refusal.types[0] if refusal.types else ""
    status = f"HTTP {refusal.status}" if refusal.status else ""
    facts = ", ".join(filter(None, (status, name, refusal.reason))) or "no details"
    said = f'The upstream said: "{_quote(refusal.message)}" ' if refusal.message else ""
    return GatewayError(
        rule.kind,
        f"{rule.words} {said}({facts})",
        code=rule.code or refusal.reason or name or status.replace(" ", "_").lower(),
        retry_after=rule.retry_after if retry_after is None else retry_after,
    )


def _parse_error(status: int, name: str, body: bytes) -> ParsedError:
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return ParsedError(status, tuple(filter(None, [_bare(name)])), "", _plain(body))
    inner = document.get("error") if isinstance(document, dict) else None
    members = [part for part in (document, inner) if isinstance(part, dict)]
    told = [_bare(name), _bare(_first(members, "code")), _bare(_first(members, "__type"))]
    return ParsedError(
        status,
        tuple(dict.fromkeys(filter(None, told))),
        _code(_first(members, "reason")),
        _clean(_first(members, "message", "Message", "errorMessage")),
    )


def _first(members: Sequence[dict[str, Any]], *names: str) -> str:
    """The first of these that is a string with something in it."""
    found = (part.get(name) for part in members for name in names)
    return next((value for value in found if isinstance(value, str) and value), "")


def _bare(name: str) -> str:
    """``com.amazon.coral.service#ThrottlingException:http://...`` -> ``ThrottlingException``"""
    return _code(name.partition(":")[0].rpartition("#")[2])


def _code(name: str) -> str:
    return re.sub(r"[^\w.-]", "", name)[:_LONGEST_CODE]


_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


def _plain(body: bytes) -> str:
    """The words of a body that is no JSON; a page has none but its title."""
    text = body[:_READ_OF_TEXT].decode("utf-8", "replace")
    if text.lstrip().startswith("<"):
        title = _TITLE.search(text)
        text = unescape(title[1]) if title else ""
    return _clean(text)


_SECRET = re.compile(
    r"\b(?:aoa|aor|eyJ)[\w+/=.:-]{8,}"  # access tokens, refresh tokens, JSON web tokens
    r"|(?<=[Bb]earer )[\w+/=.:~-]{20,}"
    r"|[\w+/=-]{64,}"
)


def _clean(text: str) -> str:
    """One printable line, with whatever looks like a token masked."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[:_READ_OF_TEXT]).split())
    return _SECRET.sub("***", line).replace('"', "'")


def _quote(line: str) -> str:
    return line if len(line) <= _LONGEST_QUOTE else f"{line[: _LONGEST_QUOTE - 3]}..."


def _retry_after(value: str, now: Callable[[], float]) -> float | None:
    """Seconds from a Retry-After header: a number of them, or an HTTP date."""
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value.strip(), re.ASCII):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now())
    except (ValueError, OverflowError):
        return None
