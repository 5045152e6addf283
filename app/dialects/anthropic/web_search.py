"""Web search as the Messages API has it: the tool, and the blocks of searches that were made.

The API encrypts the text of a page into its block, and the client sends it back with the next
request; here it is the base64 of a JSON object and not encrypted: only the client gets it, and the
page is public. Text that another service has sealed is not read: of such a page the model gets
title, address and date.

Source: the types of the ``anthropic`` SDK 2.14 and requests of Claude Code 2.1.332.
"""

import re
from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from app.core.conversation import (
    CitedText,
    HostedTool,
    HostedToolUse,
    Tool,
    ToolCall,
    ToolResult,
    WebPage,
    WebSearch,
    WebSearchError,
    WebSearchResult,
)
from app.core.hosted import WEB_SEARCH, result_of, web_search_tool
from app.core.typed_json import FieldError, Name, Record, convert, ignore_unknown
from app.dialects import web_search

from . import block_types as types
from . import search_shapes

_TYPE = re.compile(r"web_search_\d{8}")
_ERRORS: dict[Any, WebSearchError] = {code: code for code in get_args(WebSearchError) if code}
LONGEST_CITED = 150
"""Characters of ``cited_text``, as in the API."""


class _Location(web_search.Place, frozen=True):
    type: Literal["approximate"] = "approximate"


class WebSearchTool(Struct, frozen=True):
    """``response_inclusion`` concerns only searches that code makes."""

    type: Name
    name: Name
    max_uses: Annotated[int, Meta(ge=1)] | None = None
    allowed_domains: list[Name] | None = None
    blocked_domains: list[Name] | None = None
    user_location: _Location | None = None
    allowed_callers: list[Name] | None = None
    response_inclusion: Name | None = None
    defer_loading: bool | None = None


class _Sealed(
    Struct, frozen=True, tag_field="kiro2api", tag="web_page", forbid_unknown_fields=True
):
    """The tag distinguishes our content from that of other services."""

    mark: str
    text: str = ""


_sealed = msgspec.json.Decoder(_Sealed)


def is_tool(kind: Any) -> bool:
    """Whether a tool of this type is the API's own search. A tool without such a type is the
    client's, whatever its name."""
    return isinstance(kind, str) and _TYPE.fullmatch(kind) is not None


def tool(
    raw: dict[str, Any], messages: Sequence[Any], record: Record, *, cites: bool
) -> tuple[Tool, HostedTool]:
    """The tool as the model and the gateway get it. Raises :class:`FieldError`."""
    given = convert(raw, WebSearchTool)
    ignore_unknown(given, raw, record)
    if given.name != WEB_SEARCH:
        raise FieldError(("name",), f"Input should be {WEB_SEARCH!r}")
    if given.allowed_callers and "direct" not in given.allowed_callers:
        problem = "this gateway runs no code that could search: allow 'direct', or leave it out"
        raise FieldError(("allowed_callers",), problem)
    if given.allowed_domains and given.blocked_domains:
        problem = "Use either allowed_domains or blocked_domains, not both"
        raise FieldError(("blocked_domains",), problem)
    options = WebSearch(
        given.max_uses,
        allowed=web_search.domains(given.allowed_domains, "allowed_domains"),
        blocked=web_search.domains(given.blocked_domains, "blocked_domains"),
        earlier=tuple(_earlier(messages)),
        cites=cites,
    )
    place = str(given.user_location or "")
    offered = web_search_tool(WEB_SEARCH, place, cites=cites)
    return offered, HostedTool(WEB_SEARCH, "web_search", options)


def _earlier(messages: Sequence[Any]) -> Iterator[WebPage]:
    """The pages of the conversation that can be cited."""
    for message in messages:
        for block in message.content if isinstance(message.content, list) else ():
            if isinstance(block, types.WebSearchResultBlock):
                yield from (page for page in _result(block.content).pages if page.mark)


def call(block: types.ServerToolUseBlock) -> ToolCall:
    """An earlier search as a call."""
    given = block.input if isinstance(block.input, dict) else {}
    return ToolCall(block.id, WEB_SEARCH, given)


def result(block: types.WebSearchResultBlock, record: Record) -> ToolResult:
    """What an earlier search found, as a result."""
    found = _result(block.content)
    if not all(page.mark for page in found.pages):
        record.note("foreign_search_text_left_out")
    return result_of(block.tool_use_id, found)


def _result(content: Any) -> WebSearchResult:
    if isinstance(content, list):
        return WebSearchResult(tuple(filter(None, map(_page, content))))
    code = content.get("error_code") if isinstance(content, dict) else None
    known = isinstance(code, str) and code in _ERRORS
    return WebSearchResult(error=_ERRORS[code] if known else "unavailable")


def _page(raw: Any) -> WebPage | None:
    if not isinstance(raw, dict):
        return None
    texts = (raw.get(name) for name in ("url", "title", "page_age", "encrypted_content"))
    url, title, date, sealed = (text if isinstance(text, str) else "" for text in texts)
    own = _opened(sealed)
    return WebPage(url, title, own.text, date, own.mark)


def _opened(content: str) -> _Sealed:
    try:
        return _sealed.decode(a2b_base64(content, strict_mode=True))
    except (Error, ValueError, msgspec.MsgspecError):
        return _Sealed("")


def _seal(mark: str, text: str = "") -> str:
    encoded = msgspec.json.encode(_Sealed(mark, text))
    return b2a_base64(encoded, newline=False).decode()


def result_block(use: HostedToolUse, found: WebSearchResult) -> search_shapes.WebSearchResult:
    """The block of what a search found."""
    if found.error:
        return search_shapes.WebSearchResult(use.id, search_shapes.WebSearchFailed(found.error))
    return search_shapes.WebSearchResult(
        use.id,
        [
            search_shapes.WebPage(
                page.url, page.title, _seal(page.mark, page.text), page.date or None
            )
            for page in found.pages
        ],
    )


def citations(cited: CitedText) -> list[search_shapes.WebCitation]:
    """Where a text is from. Which sentence of a page the model means is not known: what is quoted
    is the beginning of the extract that it read."""
    return [
        search_shapes.WebCitation(
            page.url, page.title, _seal(page.mark), (page.text or page.title)[:LONGEST_CITED]
        )
        for page in cited.pages
    ]
