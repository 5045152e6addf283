"""Web search: which pages a search of the model gives, and by which account it is made."""

import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from msgspec.structs import replace

from app.common.errors import GatewayError, Kind
from app.core.conversation import (
    Conversation,
    ToolCall,
    WebPage,
    WebSearch,
    WebSearchError,
    WebSearchResult,
)
from app.core.hosted import LONGEST_QUERY
from app.credentials import Credentials
from app.retry import pause_after
from app.upstream import Upstream

log = logging.getLogger("kiro2api.upstream")

SECONDS = 45.0
"""For one search, its retries included; the service's own clients wait 30 to 60 s."""

Find: TypeAlias = Callable[[str], Sequence[WebPage]]

ERRORS: dict[Kind, WebSearchError] = {
    Kind.THROTTLED: "too_many_requests",
    Kind.QUOTA: "too_many_requests",
    Kind.CAPACITY: "too_many_requests",
    Kind.INVALID_REQUEST: "invalid_tool_input",
}
"""What the model and the client learn of a failure; of every other kind, "unavailable"."""


class AccountSearch:
    """Searches by an account, whose answer goes on whatever happens: a failure is held against no
    account. One per worker.
    """

    def __init__(
        self,
        upstream: Upstream,
        credentials: Credentials,
        sleep: Callable[[float], object],
    ) -> None:
        self._upstream = upstream
        self._credentials = credentials
        self._sleep = sleep

    def find(self, query: str, account: str) -> Sequence[WebPage]:
        """The pages for a query. A token that is refused is replaced once, and a failure that may
        be over soon is tried again, as for a conversation. Raises GatewayError.
        """
        deadline = monotonic() + SECONDS
        token = self._credentials.usable(account)
        attempts, refused = 0, False
        while True:
            attempts += 1
            try:
                return self._upstream.search_web(query, token, deadline)
            except GatewayError as error:
                if error.kind is Kind.REFUSED_TOKEN and not refused:
                    refused = True
                    token = self._credentials.usable(account, instead_of=token)
                    continue
                pause = pause_after(error, attempts)
                if pause is None or monotonic() + pause >= deadline:
                    raise
                self._sleep(pause)


class WebSearcher:
    """Runs the searches of one answer: ``options`` of the client, ``find`` for a query."""

    def __init__(
        self, name: str, options: WebSearch, conversation: Conversation, find: Find
    ) -> None:
        self._options = options
        self._find = find
        self._used = 0
        self._number = _last_number(name, options, conversation)

    def __call__(self, given: dict[str, Any]) -> WebSearchResult:
        """The result of a call with this input."""
        query = given.get("query")
        if not isinstance(query, str) or not query.strip():
            return WebSearchResult(error="invalid_tool_input")
        if len(query) > LONGEST_QUERY:
            return WebSearchResult(error="query_too_long")
        if self._options.max_uses is not None and self._used >= self._options.max_uses:
            return WebSearchResult(error="max_uses_exceeded")
        self._used += 1
        try:
            found = self._find(query.strip())
        except GatewayError as error:
            log.warning("A web search failed: %s", error.message.replace(query, "..."))
            return WebSearchResult(error=ERRORS.get(error.kind, "unavailable"))
        pages = [page for page in found if is_admitted(page.url, self._options)]
        return WebSearchResult(self._marked(pages[: self._options.most]))

    def _marked(self, pages: Sequence[WebPage]) -> tuple[WebPage, ...]:
        """The pages with marks that no other page of the conversation has."""
        self._number += 1
        return tuple(
            replace(page, mark=f"{self._number}-{place}") for place, page in enumerate(pages, 1)
        )


def _last_number(name: str, options: WebSearch, conversation: Conversation) -> int:
    """That of the last search of the conversation: the marks of its pages begin with it."""
    calls = sum(
        isinstance(part, ToolCall) and part.name == name
        for message in conversation.messages
        for part in message.parts
    )
    marked = (page.mark.partition("-")[0] for page in options.earlier)
    return max([calls, *(int(number) for number in marked if number.isdecimal())])


def is_admitted(url: str, options: WebSearch) -> bool:
    """Whether a page is of the allowed domains and of no blocked one."""
    if options.allowed and not any(is_within(url, domain) for domain in options.allowed):
        return False
    return not any(is_within(url, domain) for domain in options.blocked)


def is_within(url: str, domain: str) -> bool:
    """Whether a URL is of a domain or a subdomain, and of its path if that has one.

    ``example.com`` has ``docs.example.com/a``; ``example.com/blog`` has ``example.com/blog/2``.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    name, _, path = domain.lower().partition("/")
    if host != name and not host.endswith(f".{name}"):
        return False
    return f"{parts.path.lower()}/".startswith(f"/{path.rstrip('/')}/") if path.strip("/") else True
