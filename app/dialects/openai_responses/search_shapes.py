"""What answers of the Responses API hold of a search of the web, as types.

Source: the types of the ``openai`` SDK 3.57.
"""

from typing import Literal, TypeAlias

from msgspec import UNSET, UnsetType

from app.common.openapi import Shape

SearchStatus: TypeAlias = Literal["in_progress", "completed", "failed"]


class UrlCitation(Shape, frozen=True, tag_field="type", tag="url_citation"):
    """``start_index`` and ``end_index`` are characters of the part; the end is behind them."""

    start_index: int
    end_index: int
    url: str
    title: str


class Source(Shape, frozen=True, tag_field="type", tag="url"):
    url: str


class Query(Shape, frozen=True, kw_only=True, tag_field="type", tag="search"):
    """``sources`` are there if the client asks for them by ``include``."""

    query: str
    queries: list[str]
    sources: list[Source] | UnsetType = UNSET


class WebSearchCall(Shape, frozen=True, kw_only=True, tag_field="type", tag="web_search_call"):
    """A search of the web that the gateway ran."""

    id: str
    status: SearchStatus
    action: Query


# Stream events


class _InItem(Shape, frozen=True, tag_field="type"):
    sequence_number: int
    item_id: str
    output_index: int


class SearchInProgress(_InItem, frozen=True, tag="response.web_search_call.in_progress"):
    pass


class SearchSearching(_InItem, frozen=True, tag="response.web_search_call.searching"):
    pass


class SearchCompleted(_InItem, frozen=True, tag="response.web_search_call.completed"):
    pass


class AnnotationAdded(_InItem, frozen=True, tag="response.output_text.annotation.added"):
    content_index: int
    annotation_index: int
    annotation: UrlCitation


SearchEvent: TypeAlias = SearchInProgress | SearchSearching | SearchCompleted | AnnotationAdded
