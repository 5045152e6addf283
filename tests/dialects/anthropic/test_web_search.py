"""Web search in requests: the tool with its options, and the blocks of earlier searches."""

from typing import Any

import msgspec
import pytest

from app.common.errors import GatewayError
from app.core.conversation import (
    CitedText,
    HostedTool,
    HostedToolUse,
    Message,
    Text,
    ToolCall,
    ToolChoice,
    ToolResult,
    WebPage,
    WebSearch,
    WebSearchResult,
)
from app.core.hosted import turns
from app.dialects.anthropic.reply import ReplyContext, hosted
from app.dialects.anthropic.web_search import citations
from app.dialects.wire import encode

TOOL = {"type": "web_search_20250305", "name": "web_search"}
PAGE = WebPage("https://a.example", "A", "words", "2026-11-01", "1-1")
BARE = WebPage("https://b.example", "B", mark="1-2")
USE = HostedToolUse("s1", "web_search", {"query": "q"}, WebSearchResult((PAGE, BARE)))
CONTEXT = ReplyContext("msg_1", "m")


def sent_back(*blocks: Any) -> Any:

    return [msgspec.json.decode(encode(block)) for block in blocks]


def searched(parse: Any, **options: Any) -> WebSearch:
    conversation = parse(tools=[TOOL | options]).conversation
    (tool,) = conversation.hosted
    assert tool == HostedTool("web_search", "web_search", tool.web)
    return tool.web


def test_without_options(parse: Any) -> None:
    parsed = parse(tools=[TOOL])
    assert searched(parse) == WebSearch()
    (tool,) = parsed.conversation.tools
    assert tool.schema["required"] == ["query"]
    assert parsed.conversation.ignored == ()


def test_every_version_with_its_options(parse: Any) -> None:
    version = {"type": "web_search_20260318", "response_inclusion": "full"}
    options = {"max_uses": 8, "allowed_domains": ["a.example", "b.example/x"]}
    given = version | options | {"allowed_callers": ["direct"]}
    assert searched(parse, **given) == WebSearch(8, allowed=("a.example", "b.example/x"))
    assert searched(parse, blocked_domains=["a.example"]) == WebSearch(blocked=("a.example",))


def test_the_model_is_told_where_the_user_is(parse: Any) -> None:
    place = {"type": "approximate", "city": "Oslo", "country": "NO", "timezone": "Europe/Oslo"}
    (tool,) = parse(tools=[TOOL | {"user_location": place}]).conversation.tools
    assert "The user is here: Oslo, NO, time zone Europe/Oslo." in tool.description


def test_an_answer_that_is_to_be_json_cites_nothing(parse: Any) -> None:
    wanted = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    conversation = parse(tools=[TOOL], output_config=wanted).conversation
    assert not conversation.hosted[0].web.cites
    assert "<cite" not in conversation.tools[0].description
    assert "<cite" in parse(tools=[TOOL]).conversation.tools[0].description


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "search"}, "tools.0.name: Input should be 'web_search'"),
        ({"max_uses": 0}, "tools.0.max_uses: Input should be greater than or equal to 1"),
        (
            {"allowed_domains": ["a.example"], "blocked_domains": ["b.example"]},
            "tools.0.blocked_domains: Use either allowed_domains or blocked_domains, not both",
        ),
        ({"allowed_domains": ["https://a.example"]}, "tools.0.allowed_domains.0: Input should be"),
        ({"blocked_domains": ["ok.example", "*"]}, "tools.0.blocked_domains.1: Input should be"),
        ({"blocked_domains": ["a.example"] * 101}, "tools.0.blocked_domains: Input should have"),
        ({"allowed_callers": ["code_execution_20260521"]}, "tools.0.allowed_callers: this gateway"),
        ({"user_location": {"type": "exact"}}, "tools.0.user_location.type: Invalid enum value"),
    ],
)
def test_what_cannot_be_kept_is_refused(parse: Any, options: Any, message: str) -> None:
    with pytest.raises(GatewayError) as refused:
        parse(tools=[TOOL | options])
    assert refused.value.message.startswith(message)
    assert refused.value.field == message.partition(":")[0]


def test_two_searches_are_one_too_many(parse: Any) -> None:
    with pytest.raises(GatewayError, match=r"tools.1.name: Tool names must be unique"):
        parse(tools=[TOOL, TOOL | {"type": "web_search_20260209"}])


def test_the_search_can_be_forced(parse: Any) -> None:
    wanted = {"type": "tool", "name": "web_search"}
    parsed = parse(tools=[TOOL], tool_choice=wanted)
    assert parsed.conversation.tool_choice == ToolChoice("tool", "web_search")


def test_what_was_found_comes_back_as_it_was(parse: Any) -> None:
    """The next request begins like the answer before it."""
    blocks = sent_back(*hosted(USE))
    said = {"role": "assistant", "content": [*blocks, {"type": "text", "text": "So."}]}
    conversation = parse(tools=[TOOL], messages=[said]).conversation
    assert conversation.messages == tuple(turns([USE, Text("So.")]))
    assert conversation.hosted[0].web.earlier == (PAGE, BARE)
    assert conversation.notes == ()


def test_what_another_service_found_is_read_as_far_as_it_can_be(parse: Any) -> None:
    found = {"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "Eo8B"}
    calls = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [found, 5]},
    ]
    said = {"role": "assistant", "content": calls}
    conversation = parse(tools=[TOOL], messages=[said]).conversation
    told = Text('{"title":"t","url":"u"}')
    assert conversation.messages == (
        Message("assistant", (ToolCall("s", "web_search", {"query": "q"}),)),
        Message("user", (ToolResult("s", (told,)),)),
    )
    assert conversation.hosted[0].web.earlier == ()
    assert conversation.notes == ("foreign_search_text_left_out",)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}, "No more"),
        ({"type": "web_search_tool_result_error", "error_code": "of_tomorrow"}, "does not work"),
        ({}, "does not work"),
        (None, "does not work"),
        ([], "No page was found"),
    ],
)
def test_earlier_failures(parse: Any, content: Any, told: str) -> None:
    block = {"type": "web_search_tool_result", "tool_use_id": "s", "content": content}
    (message,) = parse(messages=[{"role": "assistant", "content": [block]}]).conversation.messages
    (result,) = message.parts
    assert told in result.content[0].text
    assert result.is_error is (content != [])


def test_cited_text_goes_on_in_its_paragraph(parse: Any) -> None:
    [citation] = sent_back(*citations(CitedText("warm", (PAGE,))))
    texts = [
        {"type": "text", "text": "It is "},
        {"type": "text", "text": "warm", "citations": [citation]},
        {"type": "text", "text": "."},
        {"type": "text", "text": "Another block."},
    ]
    conversation = parse(messages=[{"role": "assistant", "content": texts}]).conversation
    assert conversation.messages[0].parts == (Text("It is warm."), Text("Another block."))
    assert conversation.ignored == ()


def test_a_long_page_is_quoted_in_part() -> None:
    [citation] = citations(CitedText("a", (WebPage("u", "t", "x" * 999),)))
    assert citation.cited_text == "x" * 150
    [bare] = citations(CitedText("a", (WebPage("u", "t"),)))
    assert bare.cited_text == "t", "the SDK's type wants a text"
