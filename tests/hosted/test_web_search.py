"""Which pages a search gives, how often it is tried, and by which account."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from app.common.errors import GatewayError, Kind
from app.core.conversation import (
    Conversation,
    Message,
    ToolCall,
    WebPage,
    WebSearch,
    WebSearchResult,
)
from app.hosted.web_search import ERRORS, AccountSearch, WebSearcher, is_within

EMPTY = Conversation("m", ())
FOUND = [
    WebPage("https://a.example/1", "A1"),
    WebPage("https://docs.a.example/2", "A2"),
    WebPage("https://b.example/3", "B3"),
]


def searcher(options: WebSearch, conversation: Conversation = EMPTY, **raises: Any) -> Any:
    def find(query: str) -> Sequence[WebPage]:
        if error := raises.get("error"):
            raise error
        return FOUND

    return WebSearcher("web_search", options, conversation, find)


def urls(result: WebSearchResult) -> list[str]:
    assert not result.error
    return [page.url.removeprefix("https://") for page in result.pages]


def test_pages_have_marks_of_their_search() -> None:
    search = searcher(WebSearch())
    first, second = search({"query": "q"}), search({"query": "q"})
    assert [page.mark for page in first.pages] == ["1-1", "1-2", "1-3"]
    assert [page.mark for page in second.pages] == ["2-1", "2-2", "2-3"]


@pytest.mark.parametrize(
    ("conversation", "earlier", "mark"),
    [
        ((ToolCall("1", "web_search", {}), ToolCall("2", "f", {})), (), "2-1"),
        ((ToolCall("1", "web_search", {}),), (WebPage("u", "t", mark="4-2"),), "5-1"),
        ((), (WebPage("u", "t", mark="what"),), "1-1"),
    ],
)
def test_no_mark_is_that_of_an_earlier_page(conversation: Any, earlier: Any, mark: str) -> None:
    history = replace(EMPTY, messages=(Message("assistant", conversation),))
    found = searcher(WebSearch(earlier=earlier), history)({"query": "q"})
    assert found.pages[0].mark == mark


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (WebSearch(most=1), ["a.example/1"]),
        (WebSearch(allowed=("a.example",)), ["a.example/1", "docs.a.example/2"]),
        (WebSearch(allowed=("a.example/1", "b.example")), ["a.example/1", "b.example/3"]),
        (WebSearch(blocked=("a.example",)), ["b.example/3"]),
        (WebSearch(blocked=("docs.a.example",)), ["a.example/1", "b.example/3"]),
        (WebSearch(allowed=("c.example",)), []),
    ],
)
def test_only_pages_of_the_domains(options: WebSearch, expected: list[str]) -> None:
    assert urls(searcher(options)({"query": "q"})) == expected


@pytest.mark.parametrize(
    ("url", "domain", "expected"),
    [
        ("https://A.Example/x", "a.example", True),
        ("https://a.example.:443/x", "A.example", True),
        ("https://nota.example/x", "a.example", False),
        ("https://a.example.evil.com/", "a.example", False),
        ("https://evil.com/a.example", "a.example", False),
        ("https://a.example@evil.com/", "a.example", False),
        ("https://a.example/blog/2", "a.example/blog", True),
        ("https://a.example/blog", "a.example/blog/", True),
        ("https://a.example/blogs", "a.example/blog", False),
        ("https://a.example/", "a.example/", True),
        ("https://[bad/", "a.example", False),
    ],
)
def test_domains(url: str, domain: str, expected: bool) -> None:
    assert is_within(url, domain) is expected


@pytest.mark.parametrize("query", [None, 5, "", "  ", ["q"]])
def test_a_query_is_a_text(query: Any) -> None:
    assert searcher(WebSearch())({"query": query}).error == "invalid_tool_input"


def test_a_query_has_a_limit() -> None:
    """docs/upstream.md: A query of a search has a limit"""
    assert searcher(WebSearch())({"query": "q" * 201}).error == "query_too_long"
    assert not searcher(WebSearch())({"query": "q" * 200}).error


def test_a_search_is_made_as_often_as_the_client_allows() -> None:
    search = searcher(WebSearch(max_uses=2))
    assert search({}).error, "it is not made, and so not counted"
    results = [search({"query": "q"}).error for _ in range(3)]
    assert results == ["", "", "max_uses_exceeded"]


@pytest.mark.parametrize("kind", Kind)
def test_every_failure_is_told_to_the_model(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    failed = searcher(WebSearch(), error=GatewayError(kind, "No pages for my secret."))
    assert failed({"query": "my secret"}).error == ERRORS.get(kind, "unavailable")
    assert "my secret" not in caplog.text
    assert "A web search failed: No pages for ...." in caplog.text


class Accounts:
    """The tokens of one account."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def usable(self, account: str, instead_of: str | None = None) -> str:
        self.asked.append((account, instead_of))
        return f"token {len(self.asked)}"


def find(*outcomes: Kind | None) -> tuple[Accounts, list[str], list[float]]:
    """Search with an upstream that fails so, and then finds something."""
    accounts, tokens, pauses, left = Accounts(), list[str](), list[float](), iter(outcomes)

    class Upstream:
        def search_web(self, query: str, token: str, deadline: float) -> list[WebPage]:
            tokens.append(token)
            if kind := next(left, None):
                raise GatewayError(kind, "no")
            return FOUND

    search = AccountSearch(Upstream(), accounts, pauses.append)  # type: ignore[arg-type]
    assert search.find("q", "mine") == FOUND
    return accounts, tokens, pauses


def test_a_refused_token_is_replaced_once() -> None:
    accounts, tokens, pauses = find(Kind.REFUSED_TOKEN)
    assert accounts.asked == [("mine", None), ("mine", "token 1")]
    assert (tokens, pauses) == (["token 1", "token 2"], [])
    with pytest.raises(GatewayError) as raised:
        find(Kind.REFUSED_TOKEN, Kind.REFUSED_TOKEN)
    assert raised.value.kind is Kind.REFUSED_TOKEN


def test_what_may_be_over_soon_is_tried_again() -> None:
    accounts, tokens, pauses = find(Kind.UNAVAILABLE, Kind.CONNECTION)
    assert tokens == ["token 1"] * 3
    assert len(pauses) == 2
    assert accounts.asked == [("mine", None)]


@pytest.mark.parametrize("kind", [Kind.FORBIDDEN, Kind.QUOTA, Kind.REJECTED, Kind.TIMEOUT])
def test_what_stays_so_is_not_tried_again(kind: Kind) -> None:
    with pytest.raises(GatewayError) as raised:
        find(kind)
    assert raised.value.kind is kind
