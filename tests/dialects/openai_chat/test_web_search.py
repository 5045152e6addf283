"""The search of the web that ``web_search_options`` asks for."""

from typing import Any

import pytest

from app.common.errors import GatewayError
from app.core.conversation import HostedTool, ToolChoice, WebSearch

F = {"type": "function", "function": {"name": "f"}}
SEARCHES = WebSearch(most=6, pauses=False)
PLACE = {"type": "approximate", "approximate": {"country": "NO", "timezone": "Europe/Oslo"}}


def test_it_is_one_more_tool(parse: Any) -> None:
    conversation = parse(web_search_options={}, tools=[F]).conversation
    assert [tool.name for tool in conversation.tools] == ["f", "web_search"]
    assert conversation.hosted == (
        HostedTool("web_search", "web_search", WebSearch(most=6, pauses=False)),
    )
    assert conversation.ignored == ()
    assert parse(tools=[F]).conversation.hosted == ()


@pytest.mark.parametrize(("size", "most"), [("low", 3), ("medium", 6), ("high", 10)])
def test_options(parse: Any, size: str, most: int) -> None:
    options = {"search_context_size": size, "user_location": PLACE}
    conversation = parse(web_search_options=options).conversation
    assert conversation.hosted[0].web == WebSearch(most=most, pauses=False)
    assert "The user is here: NO, time zone Europe/Oslo." in conversation.tools[0].description


def test_a_function_of_that_name_is_the_clients(parse: Any) -> None:
    own = {"type": "function", "function": {"name": "web_search", "description": "mine"}}
    conversation = parse(web_search_options={}, tools=[own]).conversation
    assert [tool.name for tool in conversation.tools] == ["web_search", "hosted_web_search"]
    assert [tool.name for tool in conversation.hosted] == ["hosted_web_search"]


def test_a_call_may_be_required_of_it_alone(parse: Any) -> None:
    parsed = parse(web_search_options={}, tool_choice="required")
    assert parsed.conversation.tool_choice == ToolChoice("any")


def test_an_answer_that_is_to_be_json_cites_nothing(parse: Any) -> None:
    wanted = {"type": "json_object"}
    conversation = parse(web_search_options={}, response_format=wanted).conversation
    assert not conversation.hosted[0].web.cites
    assert "<cite" not in conversation.tools[0].description


def test_annotations_of_an_earlier_answer_are_taken(parse: Any) -> None:
    said = {"role": "assistant", "content": "a", "annotations": [{"type": "url_citation"}]}
    assert parse(messages=[said]).conversation.ignored == ()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"search_context_size": "huge"}, "web_search_options.search_context_size"),
        ({"user_location": {"type": "approximate"}}, "web_search_options.user_location"),
        (5, "web_search_options"),
    ],
)
def test_refusals(parse: Any, options: Any, field: str) -> None:
    with pytest.raises(GatewayError) as refused:
        parse(web_search_options=options)
    assert refused.value.field.startswith(field)
