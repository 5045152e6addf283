"""What of a request is understood, ignored by name, or refused by name."""

from typing import Any

import pytest
from msgspec.structs import replace
from werkzeug.datastructures import Headers

from app.common.errors import GatewayError, Kind
from app.core.conversation import Message, Reasoning, Text, Tool, ToolChoice
from app.dialects.openai_chat.parse import parse_chat

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
F = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}
G = {"type": "function", "function": {"name": "g"}}
MODES = "Input should be one of 'none', 'auto', 'required', or an object"
EFFORTS = "Input should be one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'"


def named(name):
    return {"type": "function", "function": {"name": name}}


def custom(name):
    return {"type": "custom", "custom": {"name": name}}


def allowed(mode, *tools):
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": list(tools)}}


def test_the_least_a_request_may_hold(parse):
    parsed = parse()
    assert parsed.model == parsed.conversation.model == "m"
    assert (parsed.stream, parsed.include_usage, parsed.legacy) == (False, False, False)
    assert parsed.conversation.messages == (Message("user", (Text("hi"),)),)
    assert parsed.conversation.json_schema is None
    assert parsed.conversation.ignored == ()
    assert parsed.conversation.notes == ()


REFUSED = [
    ({"model": None}, "model: Input should be a valid string"),
    ({"model": ""}, "model: Input should have a length of at least 1"),
    ({"stream": "yes"}, "stream: Input should be a valid boolean"),
    ({"stream_options": []}, "stream_options: Input should be a valid object"),
    (
        {"stream_options": {"include_usage": 1}},
        "stream_options.include_usage: Input should be a valid boolean",
    ),
    ({"n": 2}, "n: this gateway gives one choice; send the request n times for as many"),
    ({"n": 0}, "n: Input should be greater than or equal to 1"),
    ({"n": "1"}, "n: Input should be a valid integer"),
    ({"logprobs": True}, "logprobs: this gateway's models have no log probabilities; leave it"),
    ({"logprobs": True, "top_logprobs": 3}, "logprobs: this gateway's models have no log"),
    ({"top_logprobs": 3}, "top_logprobs: this gateway's models have no log probabilities"),
    ({"top_logprobs": -1}, "top_logprobs: Input should be greater than or equal to 0"),
    ({"max_tokens": 0}, "max_tokens: Input should be greater than or equal to 1"),
    ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
    (
        {"max_completion_tokens": 0},
        "max_completion_tokens: Input should be greater than or equal to 1",
    ),
    ({"stop": 5}, "stop: Input should be a valid string or list"),
    ({"stop": ["x", 1]}, "stop[1]: Input should be a valid string"),
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop: Input should have a length of at most 4"),
    ({"stop": ["x", ""]}, "stop[1]: Input should have a length of at least 1"),
    ({"stop": ""}, "stop: Input should have a length of at least 1"),
    ({"stop": "x" * 131_073}, "stop: The sequences have 131073 characters"),
    ({"best_of": 2}, "best_of: this gateway makes one answer; leave it out"),
    ({"presence_penalty": 2.5}, "presence_penalty: Input should be less than or equal to 2.0"),
    ({"frequency_penalty": -3}, "frequency_penalty: Input should be greater than or equal to -2"),
    ({"seed": "x"}, "seed: Input should be a valid integer"),
    ({"logit_bias": {"5": 101}}, "logit_bias: Input should be less than or equal to 100.0"),
    ({"parallel_tool_calls": "no"}, "parallel_tool_calls: Input should be a valid boolean"),
    ({"temperature": 2.5}, "temperature: Input should be less than or equal to 2.0"),
    ({"temperature": "hot"}, "temperature: Input should be a valid number"),
    ({"top_p": -1}, "top_p: Input should be greater than or equal to 0.0"),
    ({"prompt_cache_key": 5}, "prompt_cache_key: Input should be a valid string"),
    ({"reasoning_effort": "huge"}, f"reasoning_effort: {EFFORTS}"),
    ({"response_format": {}}, "response_format.type: Field required"),
    ({"response_format": {"type": "xml"}}, "response_format.type: 'xml' is not supported here"),
    (
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema: Field required",
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": "x"}}},
        "response_format.json_schema.schema: Input should be a valid object",
    ),
    ({"tools": {}}, "tools: Input should be a valid list"),
    ({"tools": [5]}, "tools[0]: Input should be a valid object"),
    ({"tools": [{"type": 5}]}, "tools[0].type: Input should be a valid string"),
    ({"tools": [F, {"type": "function"}]}, "tools[1].function: Field required"),
    ({"tools": [{}]}, "tools[0].function: Field required"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name: Field required"),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": True}}]},
        "tools[0].function.parameters: Input should be a valid object",
    ),
    (
        {"tools": [{"type": "function", "name": "f", "parameters": 5}]},
        "tools[0].parameters: Input should be a valid object",
    ),
    (
        {"tools": [{"name": "f", "input_schema": 5}]},
        "tools[0].input_schema: Input should be a valid object",
    ),
    ({"tools": [{"type": "custom"}]}, "tools[0].custom: Field required"),
    ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].custom.name: Field required"),
    (
        {"tools": [{"type": "custom", "custom": {"name": "f", "format": {"type": "xml"}}}]},
        "tools[0].custom.format.type: 'xml' is not supported here",
    ),
    (
        {"tools": [{"type": "custom", "custom": {"name": "f", "format": {"type": "grammar"}}}]},
        "tools[0].custom.format.grammar: Field required",
    ),
    ({"functions": [{}]}, "functions[0].name: Field required"),
    ({"tools": [F], "tool_choice": 5}, "tool_choice: Input should be a valid string or object"),
    ({"tools": [F], "tool_choice": "some"}, f"tool_choice: {MODES}"),
    ({"tools": [F], "tool_choice": {"type": "mcp"}}, "tool_choice.type: 'mcp' is not"),
    ({"tools": [F], "tool_choice": {"type": "custom"}}, "tool_choice.custom: Field required"),
    ({"tools": [F], "tool_choice": {"type": "tool"}}, "tool_choice.name: Field required"),
    (
        {"tools": [F], "tool_choice": {"type": "tool", "name": "g"}},
        "tool_choice.name: Tool 'g' not found in provided tools",
    ),
    ({"tools": [], "tool_choice": custom("g")}, "tool_choice.custom.name: Tool 'g' not found in"),
    (
        {"tools": [F], "tool_choice": allowed("auto", custom("g"))},
        "tool_choice.allowed_tools.tools[0].custom.name: Tool 'g' not found in provided tools",
    ),
    ({"tools": [F], "tool_choice": {"type": "function"}}, "tool_choice.function: Field required"),
    (
        {"tools": [F], "tool_choice": named("g")},
        "tool_choice.function.name: Tool 'g' not found in provided tools",
    ),
    (
        {"tools": [F], "tool_choice": allowed("some", named("f"))},
        f"tool_choice.allowed_tools.mode: {MODES}",
    ),
    (
        {"tools": [F], "tool_choice": allowed("auto", named("f"), named("g"))},
        "tool_choice.allowed_tools.tools[1].function.name: Tool 'g' not found in provided tools",
    ),
    ({"functions": [{"name": "f"}], "function_call": "some"}, f"function_call: {MODES}"),
    (
        {"functions": [{"name": "f"}], "function_call": {"name": "g"}},
        "function_call.name: Tool 'g' not found in provided tools",
    ),
]


@pytest.mark.parametrize(("members", "problem"), REFUSED)
def test_a_wrong_field_is_refused_by_its_name(refused, members, problem):
    refused(problem, **members)


RESPONSES_BODY = "this is a Responses body; POST it to /v1/responses"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "The request body is not valid JSON: "),
        (b'{"model": "m",', "The request body is not valid JSON: "),
        (b'{"model": "\xff"}', "The request body is not valid JSON: "),
        (b"[" * 100_000, "The request body is nested too deeply"),
        (b"[]", "The request body must be a JSON object"),
        (b"{}", "model: Field required"),
        (b'{"model": "m"}', "messages: Field required"),
        (b'{"model": "m", "input": "a"}', f"input: {RESPONSES_BODY}"),
        (b'{"model": "m", "input": [], "messages": []}', f"input: {RESPONSES_BODY}"),
        (b'{"messages": [{"role": "user", "content": ""}]}', "model: Field required"),
    ],
)
def test_a_body_that_cannot_be_read(raw, message):
    with pytest.raises(GatewayError) as failure:
        parse_chat(raw, Headers())
    assert failure.value.kind is Kind.INVALID_REQUEST
    assert failure.value.message.startswith(message)


@pytest.mark.parametrize(
    ("members", "stream", "include_usage"),
    [
        ({"stream": None, "stream_options": None}, False, False),
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": {}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
    ],
)
def test_a_stream_and_its_usage(parse, members, stream, include_usage):
    parsed = parse(**members)
    assert (parsed.stream, parsed.include_usage) == (stream, include_usage)


def test_unknown_members_are_named_once_at_any_depth_and_in_order(parse):
    part = {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}
    call = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}, "index": 0}
    parsed = parse(
        seed=1,
        messages=[
            {"role": "user", "content": [part, part], "name": "Ann"},
            {"role": "assistant", "reasoning_content": "hm", "tool_calls": [call]},
        ],
        stream_options={"include_obfuscation": False},
        tools=[{**F, "cache_control": {"type": "ephemeral"}}],
        logit_bias={"5": 1},
        user="u",
        metadata={"a": "b"},
    )
    assert parsed.conversation.ignored == (
        "user",
        "metadata",
        "prompt_cache_breakpoint",
        "reasoning_content",
        "index",
        "include_obfuscation",
        "cache_control",
        "seed",
        "logit_bias",
    )


def test_a_schema_is_the_clients_own(parse):
    odd = {"type": "object", "strict": True, "properties": {"unknown": {"odd": 1}}}
    parsed = parse(tools=[{"type": "function", "function": {"name": "f", "parameters": odd}}])
    assert parsed.conversation.ignored == ()
    assert parsed.conversation.tools == (Tool("f", "", odd),)


def test_fields_that_are_checked_and_not_honoured_are_listed(parse):
    penalties = {"frequency_penalty": 0.5, "presence_penalty": -2}
    parsed = parse(temperature=0, top_p=1, seed=5, logit_bias={"5": -100}, **penalties)
    names = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "logit_bias")
    assert parsed.conversation.ignored == names


@pytest.mark.parametrize(
    ("given", "read"), [("x", ("x",)), (["\n", "b"], ("\n", "b")), ([], ()), (None, ())]
)
def test_stop_sequences_are_read(parse, given, read):
    conversation = parse(stop=given).conversation
    assert (conversation.stop_sequences, conversation.ignored) == (read, ())


def test_parallel_calls_can_be_switched_off(parse):
    for given, wanted in ((False, False), (True, True), (None, True)):
        conversation = parse(parallel_tool_calls=given).conversation
        assert (conversation.parallel_calls, conversation.ignored) == (wanted, ())


def test_the_limit_of_the_answer_has_two_names(parse):
    old = parse(max_tokens=7).conversation
    assert (old.max_tokens, old.ignored) == (7, ())
    assert parse(max_completion_tokens=9).conversation.max_tokens == 9
    both = parse(max_tokens=7, max_completion_tokens=9).conversation
    assert (both.max_tokens, both.ignored) == (9, ("max_tokens",))


def test_of_two_tools_of_one_name_the_first_is_read(parse):
    """It is the one that is offered (``drop-duplicate-tool``)."""
    other = {"type": "custom", "custom": {"name": "f"}}
    assert parse(tools=[F, other]).forms == {"f": "function"}


def test_the_choice_of_a_tool_has_two_names(parse):
    tools = [F, {"type": "function", "function": {"name": "g"}}]
    both = parse(tools=tools, tool_choice="none", function_call={"name": "g"}).conversation
    assert (both.tool_choice, both.ignored) == (ToolChoice("none"), ("function_call",))


def test_an_answer_by_the_old_names_has_one_call(parse):
    assert parse(functions=[{"name": "f"}]).conversation.parallel_calls is False
    assert parse(functions=[{"name": "f"}], tools=[F]).conversation.parallel_calls is True


def test_an_answer_that_comes_back_as_it_was_told_is_honoured_whole(parse):
    """What an answer holds for readers of its types is no request."""
    answer: dict[str, Any] = {
        "role": "assistant",
        "content": "a",
        "refusal": None,
        "annotations": [],
        "audio": None,
    }
    turns = [{"role": "user", "content": "hi"}, answer, {"role": "user", "content": "hi"}]
    assert parse(messages=turns).conversation.ignored == ()


def test_a_tier_is_listed(parse):
    assert parse(service_tier="default").conversation.ignored == ()
    assert parse(service_tier="flex").conversation.ignored == ("service_tier",)


def test_fields_that_ask_for_nothing_are_not_listed(parse):
    parsed = parse(
        stop=[],
        parallel_tool_calls=True,
        service_tier="auto",
        modalities=None,
        metadata={},
        n=1,
        logprobs=False,
        top_logprobs=0,
        temperature=None,
        tools=None,
        functions=[],
        tool_choice=None,
        function_call=None,
        response_format=None,
        reasoning_effort=None,
    )
    assert parsed.conversation.ignored == ()
    assert replace(parsed.conversation, size=0) == replace(parse().conversation, size=0)


@pytest.mark.parametrize(
    ("effort", "expected", "notes"),
    [
        ("none", "none", ()),
        ("minimal", "low", ("minimal_effort_as_low",)),
        ("xhigh", "xhigh", ()),
    ],
)
def test_reasoning(parse, effort, expected, notes):
    """A client without a member for thinking asks for it by the effort."""
    conversation = parse(reasoning_effort=effort).conversation
    assert conversation.reasoning == Reasoning(True if effort != "none" else None, expected)
    assert conversation.notes == notes


@pytest.mark.parametrize(
    ("wanted", "schema", "ignored"),
    [
        ({"type": "text"}, None, ()),
        ({"type": "json_object"}, {}, ()),
        ({"type": "json_schema", "json_schema": {"name": "n"}}, {}, ()),
        ({"type": "json_schema", "json_schema": {"schema": SCHEMA}}, SCHEMA, ()),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}},
            SCHEMA,
            (),
        ),
        (
            {"type": "json_schema", "json_schema": {"schema": SCHEMA, "description": "d"}},
            SCHEMA | {"description": "d"},
            (),
        ),
        (
            {"type": "json_schema", "json_schema": {"schema": SCHEMA, "strict": False}},
            SCHEMA,
            (),
        ),
    ],
)
def test_response_format(parse, wanted, schema, ignored):
    conversation = parse(response_format=wanted).conversation
    assert conversation.json_schema == schema
    assert conversation.ignored == ignored


def test_tools(parse):
    tools = [F, G, {"function": {"name": "h", "description": None, "parameters": None}}]
    assert parse(tools=tools).conversation.tools == (Tool("f", "d", SCHEMA), Tool("g"), Tool("h"))


GRAMMAR = {"syntax": "lark", "definition": 'start: "a"'}
TOLD = "The input is free text: give it as the one string of the argument."
TOLD_GRAMMAR = ' It must match this grammar (lark):\n\nstart: "a"'


@pytest.mark.parametrize(
    ("members", "description"),
    [
        ({}, TOLD),
        ({"description": "Patches.", "format": {"type": "text"}}, f"Patches.\n\n{TOLD}"),
        ({"format": None}, TOLD),
        ({"format": {"type": "grammar", "grammar": GRAMMAR}}, TOLD + TOLD_GRAMMAR),
    ],
)
def test_a_custom_tool_is_a_function_of_one_text(parse, members, description):
    parsed = parse(tools=[G, {"type": "custom", "custom": {"name": "patch", **members}}])
    tool = parsed.conversation.tools[1]
    assert (tool.name, tool.description) == ("patch", description)
    assert list(tool.schema["properties"]) == tool.schema["required"] == ["input"]
    assert parsed.forms == {"g": "function", "patch": "custom"}
    assert (parsed.conversation.ignored, parsed.conversation.notes) == ((), ())


FLAT = {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA}
FLAT_CUSTOM = {"type": "custom", "name": "f", "description": "d"}
FLAT_GRAMMAR = {"type": "grammar", **GRAMMAR}


@pytest.mark.parametrize(
    ("tool", "form", "note"),
    [
        (FLAT, "function", "responses_tool_read"),
        (
            {"name": "f", "description": "d", "parameters": SCHEMA},
            "function",
            "responses_tool_read",
        ),
        (
            {"name": "f", "description": "d", "input_schema": SCHEMA},
            "function",
            "messages_tool_read",
        ),
        (
            {"type": "custom", "name": "f", "description": "d", "input_schema": SCHEMA},
            "function",
            "messages_tool_read",
        ),
        (FLAT_CUSTOM | {"format": FLAT_GRAMMAR}, "text", "responses_tool_read"),
        (FLAT_CUSTOM, "text", "responses_tool_read"),
        (
            {"type": "custom", "custom": {"name": "f", "format": FLAT_GRAMMAR}},
            "custom",
            "responses_tool_read",
        ),
    ],
)
def test_tools_as_the_other_apis_have_them_are_read_and_told(parse, tool, form, note):
    """As Cursor sends them."""
    parsed = parse(tools=[tool])
    (offered,) = parsed.conversation.tools
    assert offered.name == "f"
    if form == "function":
        assert offered == Tool("f", "d", SCHEMA)
    assert offered.description.endswith(TOLD_GRAMMAR) == ("grammar" in str(tool))
    assert parsed.forms == {"f": form}
    assert (parsed.conversation.notes, parsed.conversation.ignored) == ((note,), ())


@pytest.mark.parametrize("strict", [True, False, None])
def test_a_strict_tool_says_where_its_schema_is(parse, strict):
    tool = {"type": "function", "function": {"name": "f", "strict": strict}}
    flat = {"type": "function", "name": "g", "strict": strict}
    conversation = parse(
        tools=[tool, flat], functions=[{"name": "h", "strict": strict}]
    ).conversation
    fields = [tool.field for tool in conversation.tools if tool.strict]
    places = ["tools[0].function.parameters", "tools[1].parameters", "functions[0].parameters"]
    assert fields == (places if strict else [])
    assert conversation.ignored == ()


def test_tools_that_run_at_openai_are_ignored_by_their_type(parse):
    conversation = parse(tools=[{"type": "web_search", "filters": {}}, G]).conversation
    assert conversation.tools == (Tool("g"),)
    assert conversation.ignored == ("web_search",)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("any")),
        (named("f"), ToolChoice("tool", "f")),
        (custom("h"), ToolChoice("tool", "h")),
    ],
)
def test_tool_choice(parse, choice, expected):
    conversation = parse(tools=[F, G, custom("h")], tool_choice=choice).conversation
    assert conversation.tool_choice == expected
    assert len(conversation.tools) == 3
    assert conversation.notes == ()


@pytest.mark.parametrize(
    ("choice", "expected", "note"),
    [
        ({"type": "function", "name": "f"}, ToolChoice("tool", "f"), "responses"),
        ({"type": "custom", "name": "f"}, ToolChoice("tool", "f"), "responses"),
        ({"type": "tool", "name": "f"}, ToolChoice("tool", "f"), "messages"),
        ({"type": "auto"}, ToolChoice(), "messages"),
        ({"type": "any"}, ToolChoice("any"), "messages"),
        ({"type": "none"}, ToolChoice("none"), "messages"),
    ],
)
def test_a_choice_as_the_other_apis_have_it_is_read_and_told(parse, choice, expected, note):
    conversation = parse(tools=[F, G], tool_choice=choice).conversation
    assert conversation.tool_choice == expected
    assert conversation.notes == (f"{note}_tool_choice_read",)


@pytest.mark.parametrize(
    ("choice", "names", "expected", "ignored"),
    [
        (allowed("auto", named("g")), ["g"], ToolChoice(), ()),
        (allowed("required", named("g"), named("f")), ["f", "g"], ToolChoice("any"), ()),
        (allowed("required", custom("h"), named("f")), ["f", "h"], ToolChoice("any"), ()),
        (allowed("auto"), [], ToolChoice(), ()),
    ],
)
def test_allowed_tools_are_those_that_are_offered(parse, choice, names, expected, ignored):
    conversation = parse(tools=[F, G, custom("h")], tool_choice=choice).conversation
    assert [tool.name for tool in conversation.tools] == names
    assert conversation.tool_choice == expected
    assert conversation.ignored == ignored


def test_no_call_can_be_required_where_all_tools_are_ignored(parse):
    for members in (
        {"tools": [{"type": "web_search"}], "tool_choice": "required"},
        {"tool_choice": "required"},
        {"tools": [F], "tool_choice": allowed("required", {"type": "mcp"})},
    ):
        with pytest.raises(GatewayError, match="no tool is offered that can be called") as failure:
            parse(**members)
        assert failure.value.field.startswith("tool_choice")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (None, ToolChoice()),
        ("auto", ToolChoice()),
        ("none", ToolChoice("none")),
        ({"name": "f"}, ToolChoice("tool", "f")),
    ],
)
def test_functions(parse, wanted, expected):
    function = {"name": "f", "description": "d", "parameters": SCHEMA}
    parsed = parse(functions=[function], function_call=wanted)
    assert parsed.conversation.tools == (Tool("f", "d", SCHEMA),)
    assert parsed.conversation.tool_choice == expected
    assert parsed.legacy


def test_who_offers_tools_too_reads_tool_calls(parse):
    parsed = parse(functions=[{"name": "f"}], tools=[G])
    assert [tool.name for tool in parsed.conversation.tools] == ["g", "f"]
    assert not parsed.legacy


@pytest.mark.parametrize(
    ("headers", "session"),
    [({}, "k"), ({"x-session-affinity": "a"}, "a"), ({"X-Session-Id": "s"}, "s")],
)
def test_the_session(parse, headers, session):
    conversation = parse(headers, prompt_cache_key="k").conversation
    assert conversation.session == session
    assert conversation.ignored == ()


def test_who_the_user_is_names_no_session(parse):
    conversation = parse(user="u", safety_identifier="s").conversation
    assert conversation.session == ""
    assert conversation.ignored == ("user", "safety_identifier")
