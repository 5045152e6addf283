"""Which tools a request offers to the model."""

from typing import Any, get_args

import pytest
from anthropic.types.beta import BetaMemoryTool20250818Command

from app.common.errors import GatewayError
from app.core.conversation import (
    HostedTool,
    Message,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from app.dialects.anthropic.tools import PUBLISHED

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
F = {"name": "f", "description": "Does f.", "input_schema": SCHEMA}
G = {"name": "g", "input_schema": {"$schema": "x", "anyOf": [{}]}, "type": "custom"}


def change(kind, tool):
    return {"role": "system", "content": [{"type": kind, "tool": tool}]}


def reference(name):
    return {"type": "tool_reference", "name": name}


def names(parsed):
    return [tool.name for tool in parsed.conversation.tools]


def test_custom_tools_are_offered_as_they_are(parse):
    assert parse(tools=[F, G | {"description": None}]).conversation.tools == (
        Tool("f", "Does f.", SCHEMA),
        Tool("g", "", {"$schema": "x", "anyOf": [{}]}),
    )


def test_a_strict_tool_says_where_its_schema_is(parse):
    definition = {"type": "tool_definition", "definition": F | {"name": "h", "strict": True}}
    said = [{"role": "user", "content": "hi"}, change("tool_addition", definition)]
    tools = [F | {"strict": False}, G | {"strict": True}]
    offered = parse(tools=tools, messages=said).conversation.tools
    assert [(tool.name, tool.field) for tool in offered if tool.strict] == [
        ("g", "tools.1.input_schema"),
        ("h", "messages.1.content.0.tool.definition.input_schema"),
    ]


@pytest.mark.parametrize(
    "kind",
    [
        "web_search_of_tomorrow",
        "web_fetch_20260318",
        "code_execution_20260521",
        "computer_20251124",
        "browser_toolset_20260801",
        "mcp_toolset",
        "invented_tomorrow",
    ],
)
def test_tools_of_servers_and_unknown_ones_are_left_out_and_named(parse, kind):
    parsed = parse(tools=[{"type": kind, "name": "x", "max_uses": 8}, F])
    assert names(parsed) == ["f"]
    assert parsed.conversation.ignored == (kind,)


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("bash_20250124", {"command", "restart"}),
        (
            "text_editor_20250728",
            {
                "command",
                "path",
                "file_text",
                "old_str",
                "new_str",
                "insert_line",
                "insert_text",
                "view_range",
            },
        ),
        (
            "memory_20250818",
            {
                "command",
                "path",
                "old_path",
                "new_path",
                "file_text",
                "old_str",
                "new_str",
                "insert_line",
                "insert_text",
                "view_range",
            },
        ),
    ],
)
def test_published_tools_get_their_schema(parse, kind, properties):
    parsed = parse(tools=[{"type": kind, "name": "x", "max_characters": 5}])
    (tool,) = parsed.conversation.tools
    assert tool.name == "x"
    assert tool.description
    assert set(tool.schema["properties"]) == properties
    assert set(tool.schema["required"]) <= properties
    assert parsed.conversation.ignored == ("max_characters",)


def test_the_memory_tool_takes_what_the_sdk_can_read():
    """The SDK's own command types say what a memory tool must be called with."""
    union = get_args(get_args(BetaMemoryTool20250818Command)[0])
    fields = {name for kind in union for name in kind.model_fields}
    assert set(PUBLISHED["memory_20250818"][1]["properties"]) == fields


REFUSED = [
    ([{"type": "text_editor_20250124", "name": "str_replace_editor"}], "tools.0.type"),
    ([{"type": 5, "name": "x"}], "tools.0.type"),
    ([{"type": "bash_20250124"}], "tools.0.name"),
    ([F, {"name": "g"}], "tools.1.input_schema"),
    ([{"name": "", "input_schema": {}}], "tools.0.name"),
    ([{"input_schema": {}}], "tools.0.name"),
    ([F, F], "tools.1.name"),
    ([F | {"input_schema": None}], "tools.0.input_schema"),
    (["f"], "tools.0"),
    ({}, "tools"),
]


@pytest.mark.parametrize(("tools", "field"), REFUSED)
def test_tools_that_are_refused(parse, tools, field):
    with pytest.raises(GatewayError) as failure:
        parse(tools=tools)
    assert failure.value.field == field


def test_a_tool_of_unknown_schema_is_refused_with_advice(parse):
    with pytest.raises(GatewayError) as failure:
        parse(tools=[{"type": "text_editor_20250429", "name": "str_replace_based_edit_tool"}])
    assert failure.value.message == (
        "tools.0.type: 'text_editor_20250429' is not supported by this gateway;"
        " give the tool an input_schema"
    )


def test_any_tool_when_all_were_ignored_cannot_be_kept(parse):
    fetch = {"type": "web_fetch_20250910", "name": "web_fetch"}
    with pytest.raises(GatewayError, match="no tool is offered that can be called") as failure:
        parse(tools=[fetch], tool_choice={"type": "any"})
    assert failure.value.field == "tool_choice.type"


def test_tools_change_by_what_system_messages_say(parse):
    hi = {"role": "user", "content": "hi"}
    removed = parse(messages=[hi, change("tool_removal", reference("f"))], tools=[F, G])
    assert names(removed) == ["g"]
    restored = [
        hi,
        change("tool_removal", reference("f")),
        change("tool_addition", reference("f")),
    ]
    assert names(parse(messages=restored, tools=[F, G])) == ["g", "f"]
    defined = [hi, change("tool_addition", {"type": "tool_definition", "definition": F})]
    assert names(parse(messages=defined, tools=[G])) == ["g", "f"]


def test_a_tool_that_nobody_declared_is_not_added_in_silence(parse):
    hi = {"role": "user", "content": "hi"}
    parsed = parse(messages=[hi, change("tool_addition", reference("x"))], tools=[G])
    assert names(parsed) == ["g"]
    assert "tool_addition" in parsed.conversation.ignored


def test_a_tool_defined_in_a_message_is_checked_as_any_other(parse):
    wrong = {"type": "tool_definition", "definition": {"name": "f"}}
    with pytest.raises(GatewayError) as failure:
        parse(messages=[change("tool_addition", wrong)])
    assert failure.value.field == "messages.0.content.0.tool.definition.input_schema"


def test_changes_of_mcp_tools_are_named(parse):
    tool = {"type": "mcp_toolset_reference"}
    parsed = parse(messages=[{"role": "user", "content": "hi"}, change("tool_removal", tool)])
    assert "mcp_toolset_reference" in parsed.conversation.ignored


REGEX = {"type": "tool_search_tool_regex_20251119", "name": "tool_search_tool_regex"}
LATER: Any = G | {"defer_loading": True}
REFERENCE = {"type": "tool_reference", "tool_name": "g"}
SEARCHED: Any = [
    {"role": "user", "content": "hi"},
    {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "Let me see."},
            {
                "type": "server_tool_use",
                "id": "srvtoolu_1",
                "name": "tool_search_tool_regex",
                "input": {"query": "g"},
                "caller": {"type": "direct"},
            },
            {
                "type": "tool_search_tool_result",
                "tool_use_id": "srvtoolu_1",
                "content": {
                    "type": "tool_search_tool_search_result",
                    "tool_references": [REFERENCE],
                },
            },
            {"type": "text", "text": "Found."},
        ],
    },
    {"role": "user", "content": "go on"},
]


@pytest.mark.parametrize(
    ("kind", "hosted"),
    [
        ("tool_search_tool_regex_20251119", "tool_search_regex"),
        ("tool_search_tool_regex", "tool_search_regex"),
        ("tool_search_tool_bm25_20251119", "tool_search_bm25"),
        ("tool_search_tool_bm25", "tool_search_bm25"),
    ],
)
def test_a_deferred_tool_waits_for_a_search(parse, kind, hosted):
    name = kind.removesuffix("_20251119")
    parsed = parse(tools=[F, {"type": kind, "name": name}, LATER])
    assert names(parsed) == ["f", name]
    assert parsed.conversation.tools[1].schema["required"] == ["query"]
    assert parsed.conversation.hosted == (HostedTool(name, hosted),)
    assert parsed.conversation.deferred == (Tool("g", "", LATER["input_schema"]),)
    assert parsed.conversation.ignored == ()


def test_a_search_has_the_name_of_its_type(parse):
    with pytest.raises(GatewayError) as failure:
        parse(tools=[REGEX | {"name": "find"}])
    assert failure.value.field == "tools.0.name"


@pytest.mark.parametrize(
    "messages",
    [
        SEARCHED,
        [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t", "content": [REFERENCE]}],
            },
        ],
    ],
    ids=["by the gateway", "by the client"],
)
def test_a_tool_that_was_found_stays_loaded(parse, messages):
    parsed = parse(tools=[LATER, REGEX, F], messages=messages)
    assert names(parsed) == ["tool_search_tool_regex", "f", "g"]


def test_a_tool_that_must_be_called_is_loaded(parse):
    parsed = parse(tools=[LATER, REGEX], tool_choice={"type": "tool", "name": "g"})
    assert names(parsed) == ["tool_search_tool_regex", "g"]


def test_a_system_message_may_load_a_tool(parse):
    added = change("tool_addition", reference("g"))
    parsed = parse(tools=[LATER, REGEX], messages=[{"role": "user", "content": "hi"}, added])
    assert names(parsed) == ["tool_search_tool_regex", "g"]


def test_without_a_search_no_tool_waits(parse):
    """Claude Code searches by itself, and marks what it has loaded as deferred still."""
    parsed = parse(tools=[F, LATER])
    assert names(parsed) == ["f", "g"]
    assert (parsed.conversation.hosted, parsed.conversation.deferred) == ((), ())
    assert parsed.conversation.ignored == ("defer_loading",)


def test_an_earlier_search_is_turns_of_a_call_and_a_result(parse):
    parsed = parse(tools=[LATER, REGEX], messages=SEARCHED)
    assert parsed.conversation.messages[1:-1] == (
        Message(
            "assistant",
            (
                Text("Let me see."),
                ToolCall("srvtoolu_1", "tool_search_tool_regex", {"query": "g"}),
            ),
        ),
        Message("user", (ToolResult("srvtoolu_1", (Text(FOUND_G),)),)),
        Message("assistant", (Text("Found."),)),
    )
    assert parsed.conversation.ignored == parsed.conversation.notes == ()


@pytest.mark.parametrize(
    "content",
    [
        None,
        "x",
        [],
        {},
        {"type": "tool_search_tool_result_error", "error_code": "unavailable"},
        {"tool_references": [1, {}, {"tool_name": 2}]},
    ],
)
def test_a_result_without_a_tool_loads_none(parse, content):
    blocks = [{**block} for block in SEARCHED[1]["content"]]
    blocks[2]["content"] = content
    messages = [SEARCHED[0], {"role": "assistant", "content": blocks}, SEARCHED[2]]
    assert names(parse(tools=[LATER, REGEX], messages=messages)) == ["tool_search_tool_regex"]


FOUND_G = "Found, and ready to be called: g"
