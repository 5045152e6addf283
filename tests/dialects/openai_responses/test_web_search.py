"""Web search in requests: the tool with its options, and the items of earlier searches."""

from typing import Any

import pytest

from app.common.errors import GatewayError
from app.core.conversation import (
    HostedTool,
    Message,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
    WebSearch,
)
from app.dialects.openai_responses.web_search import NOT_KEPT

SEARCH = {"type": "web_search"}
F = {"type": "function", "name": "f"}
SEARCHES = WebSearch(most=6, pauses=False)
CALL = {
    "type": "web_search_call",
    "id": "ws_1",
    "status": "completed",
    "action": {"type": "search", "query": "q", "queries": ["q"]},
}


@pytest.mark.parametrize(
    "kind",
    [
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    ],
)
def test_every_version(parse: Any, kind: str) -> None:
    parsed = parse(tools=[{"type": kind}, F])
    conversation = parsed.conversation
    assert [tool.name for tool in conversation.tools] == ["f", "web_search"]
    assert conversation.hosted == (
        HostedTool("web_search", "web_search", WebSearch(most=6, pauses=False)),
    )
    assert conversation.ignored == ()


def test_the_options_of_codex(parse: Any) -> None:
    tool = SEARCH | {
        "external_web_access": True,
        "filters": {"allowed_domains": ["a.com"], "blocked_domains": ["b.a.com"]},
        "user_location": {"type": "approximate", "country": "US", "city": "NY"},
        "search_context_size": "high",
        "search_content_types": ["text", "image"],
    }
    conversation = parse(tools=[tool], max_tool_calls=3).conversation
    (hosted,) = conversation.hosted
    assert hosted.web == WebSearch(3, 10, ("a.com",), ("b.a.com",), pauses=False)
    assert "The user is here: NY, US." in conversation.tools[0].description
    assert conversation.ignored == ("search_content_types",)


def test_a_search_without_the_web_is_none(parse: Any) -> None:
    conversation = parse(tools=[SEARCH | {"external_web_access": False}, F]).conversation
    assert conversation.hosted == ()
    assert [tool.name for tool in conversation.tools] == ["f"]
    assert conversation.ignored == ("web_search",)


def test_a_function_of_that_name_is_the_clients(parse: Any) -> None:
    own = {"type": "function", "name": "web_search"}
    conversation = parse(tools=[SEARCH, own]).conversation
    assert [tool.name for tool in conversation.tools] == ["web_search", "hosted_web_search"]
    assert [tool.name for tool in conversation.hosted] == ["hosted_web_search"]


@pytest.mark.parametrize("kind", ["web_search", "web_search_preview"])
def test_it_can_be_forced(parse: Any, kind: str) -> None:
    parsed = parse(tools=[SEARCH, F], tool_choice={"type": kind})
    assert parsed.conversation.tool_choice == ToolChoice("tool", "web_search")
    assert parsed.conversation.ignored == ()


def test_it_can_be_among_the_allowed_tools_or_not(parse: Any) -> None:
    def allowed(*tools: Any) -> Any:
        wanted = {"type": "allowed_tools", "mode": "auto", "tools": list(tools)}
        return parse(tools=[SEARCH, F], tool_choice=wanted).conversation

    both = allowed(SEARCH, F)
    assert [tool.name for tool in both.tools] == ["f", "web_search"]
    assert both.hosted
    without = allowed(F)
    assert [tool.name for tool in without.tools] == ["f"]
    assert without.hosted == ()


def test_an_answer_that_is_to_be_json_cites_nothing(parse: Any) -> None:
    conversation = parse(tools=[SEARCH], text={"format": {"type": "json_object"}}).conversation
    assert not conversation.hosted[0].web.cites


def test_the_addresses_are_told_if_they_are_asked_for(parse: Any) -> None:
    parsed = parse(include=["web_search_call.action.sources"])
    assert parsed.options.sources
    assert parsed.conversation.ignored == ()
    assert not parse().options.sources


@pytest.mark.parametrize(
    ("tool", "field"),
    [
        ({"filters": {"allowed_domains": ["http://a.com"]}}, "filters.allowed_domains[0]"),
        ({"filters": {"allowed_domains": 5}}, "filters.allowed_domains"),
        ({"search_context_size": "huge"}, "search_context_size"),
    ],
)
def test_refusals(parse: Any, tool: Any, field: str) -> None:
    with pytest.raises(GatewayError) as refused:
        parse(tools=[SEARCH | tool])
    assert refused.value.field == f"tools[0].{field}"


def turns(call_id: str, query: str, told: str, *, failed: bool = False) -> list[Message]:
    result = ToolResult(call_id, (Text(told),), failed)
    call = ToolCall(call_id, "web_search", {"query": query})
    return [Message("assistant", (call,)), Message("user", (result,))]


SOURCES = [{"type": "url", "url": "https://a.com"}, 5]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, turns("ws_1", "q", NOT_KEPT)),
        ({"action": {"query": "q"}}, turns("ws_1", "q", NOT_KEPT)),
        (
            {"action": CALL["action"] | {"sources": SOURCES}},  # type: ignore[operator]
            turns("ws_1", "q", '{"url":"https://a.com"}'),
        ),
        ({"action": {"type": "search", "queries": ["q", "r"]}}, turns("ws_1", "q; r", NOT_KEPT)),
        ({"id": None}, turns("input_0", "q", NOT_KEPT)),
    ],
)
def test_earlier_searches(parse: Any, changed: Any, expected: list[Message]) -> None:
    conversation = parse(input=[CALL | changed]).conversation
    assert list(conversation.messages) == expected
    assert conversation.notes == ()


def test_an_earlier_failure(parse: Any) -> None:
    _, told = parse(input=[CALL | {"status": "failed"}]).conversation.messages
    (result,) = told.parts
    assert result.is_error


@pytest.mark.parametrize("action", [None, 5, {"type": "find_in_page", "url": "u"}])
def test_what_was_done_with_a_page_is_a_text(parse: Any, action: Any) -> None:
    conversation = parse(input=[CALL | {"action": action}]).conversation
    (message,) = conversation.messages
    assert message.parts[0].text.startswith("[web_search_call: ")
    assert conversation.notes == ("web_search_call_as_text",)
