"""The web search of the service, an operation named InvokeMCP: a call of a tool in JSON-RPC 2.0.

The pages are JSON in a text of the result. Source: kiro-cli captures of 2026, and what several open
gateways for Kiro send and read. Any member of a page but its URL may be missing.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from app.common.errors import GatewayError, Kind
from app.core.conversation import WebPage

from .errors import quoted

MOST_PAGES = 20
LONGEST_URL, LONGEST_TITLE, LONGEST_TEXT = 2_048, 300, 4_000
"""Characters. A page with a longer URL is left out; the others are cut."""

_INVALID_PARAMS = -32602


class _Arguments(Struct, frozen=True):
    query: str


class _Params(Struct, frozen=True):
    arguments: _Arguments
    name: str = "web_search"


class _Request(Struct, frozen=True, rename="camel"):
    id: str
    params: _Params
    profile_arn: str | UnsetType = UNSET
    jsonrpc: str = "2.0"
    method: str = "tools/call"


class _Error(Struct, frozen=True):
    code: Any = None
    message: Any = None


class _Content(Struct, frozen=True):
    text: str | None = None


class _Result(Struct, frozen=True, rename="camel"):
    content: list[_Content] = []
    is_error: bool | None = None


class _Response(Struct, frozen=True):
    result: _Result | None = None
    error: _Error | None = None


class _Pages(Struct, frozen=True):
    results: list[Any] | None = None
    error: Any = None


def request(call_id: str, query: str, profile_arn: str | None) -> bytes:
    """The body of a search; ``profile_arn`` only where the host wants it in the body."""
    params = _Params(_Arguments(query))
    return msgspec.json.encode(_Request(call_id, params, profile_arn or UNSET))


def pages(body: bytes) -> list[WebPage]:
    """What a search found, the best first. Raises GatewayError. Only a list, be it empty, is an
    answer.
    """
    try:
        response = msgspec.json.decode(body, type=_Response, strict=False)
        if response.error is not None:
            raise _failed(response.error)
        result = response.result or _Result()
        text = next((each.text for each in result.content if each.text), "")
        if result.is_error:
            raise _failed(_Error(message=text))
        found = msgspec.json.decode(text, type=_Pages, strict=False)
    except (msgspec.MsgspecError, RecursionError):
        raise _unreadable() from None
    if found.error or found.results is None:
        raise _failed(_Error(message=found.error)) if found.error else _unreadable()
    return list(_read(found.results))[:MOST_PAGES]


def _failed(error: _Error) -> GatewayError:
    kind = Kind.INVALID_REQUEST if error.code == _INVALID_PARAMS else Kind.UPSTREAM_ERROR
    said = quoted(error.message) if isinstance(error.message, str) else ""
    return GatewayError(kind, f"The service could not search the web. {said}".rstrip())


def _unreadable() -> GatewayError:
    return GatewayError(
        Kind.CORRUPT,
        "The service's answer to a web search cannot be read. If this happens again, please report"
        " it.",
    )


def _read(rows: list[Any]) -> Iterator[WebPage]:
    for row in rows:
        url = row.get("url") if isinstance(row, dict) else None
        if isinstance(url, str) and _is_address(url):
            text, title = _text(row, "snippet"), _text(row, "title")
            yield WebPage(
                url,
                title[:LONGEST_TITLE] or url,
                text[:LONGEST_TEXT],
                _date(row.get("publishedDate")),
            )


def _is_address(url: str) -> bool:
    """Whether a client may be given the URL as that of a page."""
    is_of_the_web = url.startswith(("https://", "http://"))
    return is_of_the_web and len(url) <= LONGEST_URL and url.isprintable()


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def _date(milliseconds: Any) -> str:
    """The day of a moment in milliseconds since the epoch, "" for anything else."""
    if type(milliseconds) not in (int, float) or milliseconds <= 0:
        return ""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return ""
