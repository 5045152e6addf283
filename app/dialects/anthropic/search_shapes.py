"""What answers of the Messages API hold of a search of the web, as types.

Source: the types of the ``anthropic`` SDK 2.14.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from app.common.openapi import Shape

WebSearchErrorCode: TypeAlias = Literal[
    "invalid_tool_input",
    "unavailable",
    "max_uses_exceeded",
    "too_many_requests",
    "query_too_long",
]


class WebCitation(Shape, frozen=True, tag_field="type", tag="web_search_result_location"):
    url: str
    title: str | None
    encrypted_index: str
    cited_text: str


class WebPage(Shape, frozen=True, tag_field="type", tag="web_search_result"):
    url: str
    title: str
    encrypted_content: str
    page_age: str | None


class WebSearchFailed(Shape, frozen=True, tag_field="type", tag="web_search_tool_result_error"):
    error_code: WebSearchErrorCode


class WebSearchResult(Shape, frozen=True, tag_field="type", tag="web_search_tool_result"):
    tool_use_id: str
    content: Sequence[WebPage] | WebSearchFailed
