"""Web search as the Responses API has it: the tool, and the items of searches that were made.

The API keeps what a search found, and its item has no more than addresses, if the client asks for
them. So does the gateway, with responses that are kept; of any other earlier search the model gets
the query with those addresses, and may search again.

Source: the types of the ``openai`` SDK 3.57 and requests of Codex 0.144 to 0.171.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from app.core.conversation import (
    CitedText,
    HostedTool,
    HostedToolUse,
    Part,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    WebPage,
    WebSearch,
    WebSearchResult,
)
from app.core.events import HostedToolStart
from app.core.hosted import WEB_SEARCH, result_of, web_search_tool
from app.core.typed_json import Name, Record, convert, ignore_unknown
from app.dialects import web_search
from app.dialects.web_search import ContextSize, Place

from .search_shapes import Query, SearchStatus, Source, UrlCitation, WebSearchCall

SOURCES = "web_search_call.action.sources"
"""The value of ``include`` that asks for the addresses that a search found."""
NOT_KEPT = "What this search found is not kept. Search again if you need it."

_TYPE = re.compile(r"web_search(_preview)?(_\d{4}_\d\d_\d\d)?")


class _Filters(Struct, frozen=True):
    allowed_domains: list[Name] | None = None
    blocked_domains: list[Name] | None = None


class _Location(Place, frozen=True):
    type: Name | None = None


class WebSearchTool(Struct, frozen=True):
    type: Name
    filters: _Filters | None = None
    user_location: _Location | None = None
    search_context_size: ContextSize | None = None
    search_content_types: list[Name] | None = None
    external_web_access: bool | None = None


class Search(Struct, frozen=True):
    """A search that the client offers; ``place`` is where its user is."""

    options: WebSearch
    place: str

    def offered(self, taken: Collection[str], **limits: Any) -> tuple[Tool, HostedTool]:
        """The tool as the model and the gateway get it, under a name that is not ``taken``.
        ``limits`` are the other members of its options.
        """
        name, options = web_search.free_name(taken), replace(self.options, **limits)
        tool = web_search_tool(name, self.place, cites=options.cites)
        return tool, HostedTool(name, "web_search", options)


def is_type(kind: Any) -> bool:
    """Whether a tool of this type is a search of the web."""
    return isinstance(kind, str) and _TYPE.fullmatch(kind) is not None


def read(raw: dict[str, Any], record: Record) -> Search | None:
    """The search that a tool asks for, None if it cannot be run: that is recorded as ignored. One
    that must not reach the web has nothing to search here. Raises :class:`FieldError`.
    """
    tool = convert(raw, WebSearchTool)
    ignore_unknown(tool, raw, record)
    if tool.external_web_access is False:
        record.ignore(tool.type)
        return None
    if set(tool.search_content_types or ()) - {"text"}:
        record.ignore("search_content_types")
    filters = tool.filters or _Filters()
    where = ("filters",)
    options = WebSearch(
        most=web_search.MOST_PAGES[tool.search_context_size],
        allowed=web_search.domains(filters.allowed_domains, *where, "allowed_domains"),
        blocked=web_search.domains(filters.blocked_domains, *where, "blocked_domains"),
        pauses=False,
    )
    return Search(options, str(tool.user_location or ""))


class _Kept(Struct, frozen=True, tag_field="kiro2api", tag="web_pages", forbid_unknown_fields=True):
    call_id: str
    pages: tuple[WebPage, ...]


_kept = msgspec.json.Decoder(_Kept)


def encode(call_id: str, pages: Sequence[WebPage]) -> str:
    """The content of an item that is kept: the id of the call for the model, and what it found."""
    return msgspec.json.encode(_Kept(call_id, tuple(pages))).decode()


def _found(content: Any) -> _Kept:
    """What :func:`encode` was given; empty for content that it did not make."""
    try:
        return _kept.decode(content) if isinstance(content, str) else _Kept("", ())
    except msgspec.MsgspecError:
        return _Kept("", ())


def cited(items: Sequence[Any]) -> Iterator[WebPage]:
    """The pages of earlier answers that can be cited."""
    for item in items:
        if isinstance(item, dict) and item.get("type") == "web_search_call":
            yield from _found(item.get("encrypted_content")).pages


def earlier(
    call_id: str, action: dict[str, Any], content: str | None, *, failed: bool
) -> tuple[ToolCall, ToolResult]:
    """A search of an earlier answer, as a call and its result; ``content`` is what was kept."""
    kept = _found(content)
    call_id = kept.call_id or call_id
    call = ToolCall(call_id, WEB_SEARCH, {"query": _query(action)})
    if failed:
        return call, result_of(call_id, WebSearchResult(error="unavailable"))
    pages = kept.pages or tuple(_addresses(action.get("sources")))
    if pages or kept.call_id:
        return call, result_of(call_id, WebSearchResult(pages))
    return call, ToolResult(call_id, (Text(NOT_KEPT),))


def _addresses(sources: Any) -> Iterator[WebPage]:
    for source in sources if isinstance(sources, list) else ():
        url = source.get("url") if isinstance(source, dict) else None
        if isinstance(url, str):
            yield WebPage(url, "")


def _query(action: dict[str, Any]) -> str:
    query, queries = action.get("query"), action.get("queries")
    if isinstance(query, str):
        return query
    found = queries if isinstance(queries, list) else ()
    return "; ".join(each for each in found if isinstance(each, str))


def annotations(cited: CitedText, start: int) -> list[UrlCitation]:
    """Which pages a text is from that begins at this character of its part."""
    end = start + len(cited.text)
    return [UrlCitation(start, end, page.url, page.title) for page in cited.pages]


class Citations:
    """Those of a text that grows by ``pieces``, which begin anew with each text."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = pieces
        self._counted = self._length = 0
        self._found: list[UrlCitation] = []

    def add(self, cited: CitedText) -> Iterator[tuple[int, UrlCitation]]:
        """The citations of what comes next, each with its place among all."""
        self._length += sum(map(len, islice(self._pieces, self._counted, None)))
        self._counted = len(self._pieces)
        first = len(self._found)
        self._found += annotations(cited, self._length)
        return enumerate(self._found[first:], first)

    def taken(self) -> list[UrlCitation]:
        """All of them, at the end of the text."""
        found, self._found = self._found, []
        self._counted = self._length = 0
        return found


def joined(texts: Iterable[Part]) -> tuple[str, list[UrlCitation]]:
    """The text of a message that cites pages, and the places of its citations."""
    pieces: list[str] = []
    found: list[UrlCitation] = []
    length = 0
    for part in texts:
        if isinstance(part, CitedText):
            found += annotations(part, length)
        if isinstance(part, Text | CitedText):
            pieces.append(part.text)
            length += len(part.text)
    return "".join(pieces), found


def pages(use: HostedToolUse) -> tuple[WebPage, ...]:
    """What a search found."""
    return use.result.pages if isinstance(use.result, WebSearchResult) else ()


def item(item_id: str, use: HostedToolStart | HostedToolUse, *, sources: bool) -> WebSearchCall:
    """The item of a search, under way or over; ``sources``: with the addresses that it found."""
    query = str(use.input.get("query", ""))
    listed: list[Source] | UnsetType = UNSET
    status: SearchStatus = "in_progress"
    if isinstance(use, HostedToolUse):
        status = "failed" if use.result.error else "completed"
        listed = [Source(page.url) for page in pages(use)] if sources else UNSET
    return WebSearchCall(
        id=item_id, status=status, action=Query(query=query, queries=[query], sources=listed)
    )
