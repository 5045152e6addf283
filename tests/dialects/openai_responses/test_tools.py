"""Which tools are offered, what the client knows each by, and which one must be called."""

import msgspec
import pytest

from app.common.errors import GatewayError
from app.core.conversation import Tool, ToolChoice
from app.dialects.openai_responses.tools import ClientTool

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
FUNCTION = {"type": "function", "name": "f", "description": "does", "parameters": SCHEMA}
CUSTOM = {"type": "custom", "name": "patch", "description": "Patches."}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": 'start: "a"'}
DEFERRED = {"defer_loading": True}
AGENTS = {
    "type": "namespace",
    "name": "agents",
    "description": "Sub-agents.",
    "tools": [{"type": "function", "name": "spawn", "description": "Spawns.", "parameters": {}}],
}


def test_a_function(parse):
    assert parse(tools=[FUNCTION]).conversation.tools == (Tool("f", "does", SCHEMA),)


@pytest.mark.parametrize("parameters", [{}, {"parameters": None}, {"parameters": {}}])
def test_a_function_without_parameters(parse, parameters):
    tool = {"type": "function", "name": "f", "strict": None, **parameters}
    assert parse(tools=[tool]).conversation.tools == (Tool("f"),)


def test_a_custom_tool_is_a_function_of_one_text(parse):
    parsed = parse(tools=[CUSTOM | {"format": GRAMMAR}])
    (tool,) = parsed.conversation.tools
    assert tool.name == "patch"
    assert tool.description == (
        "Patches.\n\nThe input is free text: give it as the one string of the argument."
        ' It must match this grammar (lark):\n\nstart: "a"'
    )
    assert list(tool.schema["properties"]) == tool.schema["required"] == ["input"]
    assert tool.schema["properties"]["input"]["type"] == "string"
    assert parsed.options.client_tool("patch") == ClientTool("patch", kind="custom")


@pytest.mark.parametrize("members", [{}, {"format": None}, {"format": {"type": "text"}}])
def test_a_custom_tool_without_a_grammar(parse, members):
    (tool,) = parse(tools=[CUSTOM | members]).conversation.tools
    assert tool.description.endswith("as the one string of the argument.")


def test_a_namespace_is_flattened_and_told_apart(parse):
    inner = [*AGENTS["tools"], {"type": "custom", "name": "note"}, {"type": "mcp"}]
    inner.append(AGENTS | {"name": "deeper"})
    parsed = parse(tools=[AGENTS | {"tools": inner}, FUNCTION])
    assert [tool.name for tool in parsed.conversation.tools] == [
        "agents__spawn",
        "agents__note",
        "f",
    ]
    assert parsed.conversation.tools[0].description == "Sub-agents.\n\nSpawns."
    assert parsed.options.client_tool("agents__spawn") == ClientTool("spawn", "agents")
    assert parsed.options.client_tool("agents__note") == ClientTool("note", "agents", "custom")
    assert parsed.options.client_tool("f") == ClientTool("f")
    assert parsed.conversation.ignored == ("mcp", "namespace")


def test_a_name_that_is_no_tools_is_a_functions(parse):
    """The upstream may call what was offered in an earlier turn only."""
    assert parse().options.client_tool("other") == ClientTool("other")


@pytest.mark.parametrize(
    "kind", ["file_search", "tool_search", "local_shell", "mcp", "shell", "of_tomorrow"]
)
def test_kinds_that_run_elsewhere_are_named_and_not_offered(parse, kind):
    parsed = parse(tools=[{"type": kind, "external_web_access": True}, FUNCTION])
    assert [tool.name for tool in parsed.conversation.tools] == ["f"]
    assert parsed.conversation.ignored == (kind,)
    assert msgspec.json.decode(parsed.options.echo["tools"]) == [FUNCTION]


def test_what_a_tool_asks_for_in_vain_is_named(parse):
    tool = FUNCTION | {"strict": True, "defer_loading": True}
    assert parse(tools=[tool]).conversation.ignored == ("defer_loading",)


def test_a_strict_tool_says_where_its_schema_is(parse):
    strict = FUNCTION | {"strict": True}
    within = {"type": "namespace", "name": "n", "tools": [strict]}
    tools = parse(tools=[FUNCTION | {"name": "g", "strict": False}, strict, within])
    fields = [tool.field for tool in tools.conversation.tools if tool.strict]
    assert fields == ["tools[1].parameters", "tools[2].tools[0].parameters"]


def test_items_may_offer_more_tools(parse):
    """Searched for by the client, say; a tool of the same name takes the place of the earlier."""
    again = FUNCTION | {"description": "does more"}
    parsed = parse(
        tools=[FUNCTION],
        input=[
            {"role": "user", "content": "hi"},
            {"type": "additional_tools", "role": "developer", "tools": [AGENTS]},
            {"type": "tool_search_output", "call_id": "c", "tools": [again, again | DEFERRED]},
        ],
    )
    assert [(tool.name, tool.description) for tool in parsed.conversation.tools] == [
        ("f", "does more"),
        ("agents__spawn", "Sub-agents.\n\nSpawns."),
    ]
    assert parsed.conversation.ignored == ()


def test_a_search_that_the_client_runs_is_offered(parse):
    search = {
        "type": "tool_search",
        "execution": "client",
        "description": "Searches over deferred tools",
        "parameters": SCHEMA,
    }
    parsed = parse(tools=[search, FUNCTION])
    assert parsed.conversation.tools == (
        Tool("tool_search", "Searches over deferred tools", SCHEMA),
        Tool("f", "does", SCHEMA),
    )
    assert parsed.options.client_tool("tool_search").kind == "tool_search"
    assert parsed.conversation.ignored == ()
    allowed = {"type": "allowed_tools", "tools": [{"type": "tool_search"}]}
    chosen = parse(tools=[search, FUNCTION], tool_choice=allowed).conversation
    assert [tool.name for tool in chosen.tools] == ["tool_search"]


def test_a_search_that_openai_would_run_is_not(parse):
    assert parse(tools=[{"type": "tool_search", "execution": "server"}]).conversation.tools == ()
    inside = AGENTS | {"tools": [{"type": "tool_search", "execution": "client"}]}
    assert parse(tools=[inside]).conversation.ignored == ("tool_search",)


def test_members_that_openai_would_encrypt_are_plain(parse):
    """The model is not told of the keyword, which JSON Schema does not have."""
    marked = {"type": "string", "encrypted": True}
    schema = {"type": "object", "properties": {"message": marked, "name": {"type": "string"}}}
    spawn = {"type": "function", "name": "spawn", "parameters": schema}
    parsed = parse(tools=[AGENTS | {"tools": [spawn]}, FUNCTION])
    (told, _) = parsed.conversation.tools
    assert told.schema["properties"] == {"message": {"type": "string"}, "name": {"type": "string"}}
    assert parsed.options.client_tool("agents__spawn").encrypts
    assert not parsed.options.client_tool("f").encrypts
    assert msgspec.json.decode(parsed.options.echo["tools"])[0]["tools"] == [spawn]


REFUSED = [
    ([{}], "tools[0].type: Field required"),
    ([{"type": None}], "tools[0].type: Field required"),
    ([{"type": 1}], "tools[0].type: Input should be a valid string"),
    ([{"type": "function"}], "tools[0].name: Field required"),
    ([FUNCTION | {"parameters": []}], "tools[0].parameters: Input should be a valid object"),
    ([FUNCTION, FUNCTION], "tools[1].name: Tool names must be unique; 'f' is declared twice"),
    (
        [CUSTOM | {"format": {"type": "xml"}}],
        "tools[0].format.type: 'xml' is not supported here",
    ),
    (
        [CUSTOM | {"format": {"type": "grammar", "syntax": "lark"}}],
        "tools[0].format.definition: Field required",
    ),
    ([AGENTS | {"tools": [{"type": "function"}]}], "tools[0].tools[0].name: Field required"),
    (
        [AGENTS, FUNCTION | {"name": "agents__spawn"}],
        "tools[1].name: Tool names must be unique; 'agents__spawn' is declared twice",
    ),
]


@pytest.mark.parametrize(("tools", "message"), REFUSED)
def test_a_wrong_tool_is_refused_by_its_place(refused, tools, message):
    error = refused(tools=tools)
    assert error.message == message
    assert error.field == message.partition(":")[0]


def test_a_wrong_tool_of_an_item_is_refused_by_its_place(refused):
    error = refused(input=[{"type": "additional_tools", "tools": [FUNCTION, {}]}])
    assert error.message == "input[0].tools[1].type: Field required"


TOOLS = [FUNCTION, CUSTOM, AGENTS]
CHOICES = [
    (None, ToolChoice(), "auto"),
    ("auto", ToolChoice("auto"), "auto"),
    ("none", ToolChoice("none"), "none"),
    ("required", ToolChoice("any"), "required"),
    ({"type": "function", "name": "f"}, ToolChoice("tool", "f"), None),
    ({"type": "custom", "name": "patch"}, ToolChoice("tool", "patch"), None),
    (
        {"type": "function", "name": "spawn", "namespace": "agents"},
        ToolChoice("tool", "agents__spawn"),
        None,
    ),
]


@pytest.mark.parametrize(("wanted", "choice", "told"), CHOICES)
def test_tool_choice(parse, wanted, choice, told):
    parsed = parse(tools=TOOLS, tool_choice=wanted)
    assert parsed.conversation.tool_choice == choice
    assert msgspec.json.decode(parsed.options.echo["tool_choice"]) == (told or wanted)
    assert parsed.conversation.ignored == ()
    assert len(parsed.conversation.tools) == 3


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_allowed_tools_are_those_offered(parse, mode):
    wanted = {
        "type": "allowed_tools",
        "mode": mode,
        "tools": [
            {"type": "custom", "name": "patch"},
            {"type": "function", "name": "spawn", "namespace": "agents"},
            {"type": "mcp", "server_label": "s"},
            {"type": "function", "name": "gone"},
        ],
    }
    parsed = parse(tools=TOOLS, tool_choice=wanted)
    assert [tool.name for tool in parsed.conversation.tools] == ["patch", "agents__spawn"]
    assert parsed.conversation.tool_choice == ToolChoice("any" if mode == "required" else "auto")
    assert parsed.conversation.ignored == ("mcp", "gone")


@pytest.mark.parametrize("wanted", [{"type": "web_search_preview"}, {"type": "mcp"}, {}])
def test_a_choice_of_what_runs_elsewhere_is_refused(parse, wanted):
    with pytest.raises(GatewayError, match="no tool is offered that can be called") as failure:
        parse(tools=TOOLS, tool_choice=wanted)
    assert failure.value.field == "tool_choice.type"


def test_a_call_cannot_be_required_where_nothing_is_offered(parse):
    with pytest.raises(GatewayError, match="no tool is offered that can be called") as failure:
        parse(tools=[{"type": "file_search"}], tool_choice="required")
    assert failure.value.field == "tool_choice"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (5, "tool_choice: Input should be a valid string or object"),
        ("any", "tool_choice: Input should be one of 'none', 'auto', 'required', or an object"),
        (
            {"type": "function", "name": "g"},
            "tool_choice: Tool 'g' not found in provided tools",
        ),
        ({"type": "function"}, "tool_choice.name: Field required"),
        ({"type": "allowed_tools"}, "tool_choice.tools: Field required"),
        (
            {"type": "allowed_tools", "tools": [{"type": "custom"}]},
            "tool_choice.tools[0].name: Field required",
        ),
    ],
)
def test_a_wrong_choice_is_refused(refused, wanted, message):
    assert refused(tools=TOOLS, tool_choice=wanted).message == message
