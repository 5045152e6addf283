"""Which tools a search finds."""

import pytest

from app.core.conversation import Tool, ToolSearchResult
from app.hosted import tool_search
from app.hosted.tool_search import MOST_FOUND, TOO_SLOW, search

TOOLS = (
    Tool("get_weather", "The weather of a city.", {"properties": {"city": {"type": "string"}}}),
    Tool("sendMail", "Sends an e-mail to a person.", {"properties": {"to": {}}}),
    Tool(
        "query_database",
        "Runs a query.",
        {"properties": {"sql": {"description": "The statement, about weather or not."}}},
    ),
    Tool("odd", "", {"properties": [1]}),
)


def found(kind: str, query: object, tools: tuple[Tool, ...] = TOOLS) -> ToolSearchResult:
    return search(kind, query, tools, lambda: None)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("weather", ("get_weather", "query_database")),
        ("get_.*", ("get_weather",)),
        ("(?i)SENDMAIL", ("sendMail",)),
        ("sendmail", ()),
        ("^city$", ("get_weather",)),
        ("database.*query|query.*database", ("query_database",)),
        ("person", ("sendMail",)),
    ],
)
def test_a_pattern_is_looked_for_in_names_and_descriptions(
    pattern: str, names: tuple[str, ...]
) -> None:
    assert found("regex", pattern) == ToolSearchResult(names)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("weather of a city", ("get_weather", "query_database", "sendMail")),
        ("mail", ("sendMail",)),
        ("run SQL", ("query_database",)),
        ("zebra", ()),
        ("!?", ()),
    ],
)
def test_words_find_the_best_tools_first(query: str, names: tuple[str, ...]) -> None:
    assert found("bm25", query).found == names


@pytest.mark.parametrize("kind", ["regex", "bm25"])
def test_only_the_best_few_are_found(kind: str) -> None:
    tools = tuple(Tool(f"weather_{number}") for number in range(9))
    assert len(found(kind, "weather", tools).found) == MOST_FOUND


@pytest.mark.parametrize("kind", ["regex", "bm25"])
@pytest.mark.parametrize("query", [None, 7, [], "", "  "])
def test_a_query_that_is_none_is_an_error(kind: str, query: object) -> None:
    assert found(kind, query) == ToolSearchResult(error="invalid_tool_input")


def test_a_pattern_that_is_none_is_an_error() -> None:
    assert found("regex", "(").error == "invalid_tool_input"


@pytest.mark.parametrize("kind", ["regex", "bm25"])
def test_a_search_that_takes_long_is_given_up(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_search, "SECONDS", -1)
    assert found(kind, "zebra") == TOO_SLOW


@pytest.mark.parametrize("kind", ["regex", "bm25"])
def test_no_tools_at_all(kind: str) -> None:
    assert found(kind, "weather", ()) == ToolSearchResult()
