"""What of a request is understood, ignored by name, or refused by name."""

import msgspec
import pytest
from werkzeug.datastructures import Headers

from app.common.errors import GatewayError, Kind
from app.core.conversation import Message, Reasoning, Text, ToolChoice
from app.dialects.anthropic.parse import parse_count_tokens, parse_messages

EFFORTS = "Input should be one of 'low', 'medium', 'high', 'xhigh', 'max'"
HI = [{"role": "user", "content": "hi"}]
TOOL = {"name": "f", "input_schema": {"type": "object"}}


def user(*blocks):
    return [{"role": "user", "content": list(blocks)}]


def assistant(*blocks):
    return [*HI, {"role": "assistant", "content": list(blocks)}]


def test_the_least_a_request_may_hold(parse):
    parsed = parse()
    assert parsed.model == parsed.conversation.model == "m"
    assert parsed.stream is False
    assert parsed.conversation.messages == (Message("user", (Text("hi"),)),)
    assert parsed.conversation.ignored == ()
    assert parsed.conversation.notes == ()


REFUSED = [
    ({"model": None}, "model: Input should be a valid string"),
    ({"model": ""}, "model: Input should have a length of at least 1"),
    ({"max_tokens": None}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": -1}, "max_tokens: Input should be greater than or equal to 0"),
    ({"max_tokens": "9"}, "max_tokens: Input should be a valid integer"),
    ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
    ({"messages": []}, "messages: Input should have a length of at least 1"),
    ({"messages": {}}, "messages: Input should be a valid list"),
    ({"messages": ["hi"]}, "messages.0: Input should be a valid object"),
    ({"messages": [{"content": "hi"}]}, "messages.0.role: Field required"),
    (
        {"messages": [{"role": "tool", "content": ""}]},
        "messages.0.role: 'tool' is not supported here",
    ),
    ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
    (
        {"messages": [{"role": "user", "content": 5}]},
        "messages.0.content: Input should be a valid string or list",
    ),
    ({"messages": user("hi")}, "messages.0.content.0: Input should be a valid object"),
    ({"messages": user({"text": "hi"})}, "messages.0.content.0.type: Field required"),
    ({"messages": user({"type": "text"})}, "messages.0.content.0.text: Field required"),
    (
        {"messages": user({"type": "hologram"})},
        "messages.0.content.0.type: 'hologram' is not supported here",
    ),
    (
        {"messages": user({"type": "text", "text": "a"}, {"type": "image"})},
        "messages.0.content.1.source: Field required",
    ),
    (
        {"messages": user({"type": "tool_use", "id": "a", "name": "f", "input": {}})},
        "messages.0.content.0.type: 'tool_use' is not supported here",
    ),
    (
        {"messages": assistant({"type": "tool_result", "tool_use_id": "a"})},
        "messages.1.content.0.type: 'tool_result' is not supported here",
    ),
    (
        {"messages": assistant({"type": "tool_use", "id": "a", "name": "f", "input": "{}"})},
        "messages.1.content.0.input: Input should be a valid object",
    ),
    (
        {"messages": [{"role": "system", "content": [{"type": "image"}]}]},
        "messages.0.content.0.type: 'image' is not supported here",
    ),
    ({"system": 5}, "system: Input should be a valid string or list"),
    (
        {"system": [{"type": "image"}]},
        "system.0.type: 'image' is not supported here",
    ),
    ({"stream": "yes"}, "stream: Input should be a valid boolean"),
    ({"temperature": 1.5}, "temperature: Input should be less than or equal to 1.0"),
    ({"temperature": -1}, "temperature: Input should be greater than or equal to 0.0"),
    ({"temperature": "hot"}, "temperature: Input should be a valid number"),
    ({"top_p": 2}, "top_p: Input should be less than or equal to 1.0"),
    ({"top_k": -1}, "top_k: Input should be greater than or equal to 0"),
    ({"stop_sequences": "x"}, "stop_sequences: Input should be a valid list"),
    ({"stop_sequences": ["x"] * 8192}, "stop_sequences: Input should have a length of at most 819"),
    ({"stop_sequences": ["x", " \n"]}, "stop_sequences.1: Each stop sequence must contain non-whi"),
    ({"stop_sequences": ["x" * 131_073]}, "stop_sequences: The sequences have 131073 characters"),
    ({"stop_sequences": ["x", 1]}, "stop_sequences.1: Input should be a valid string"),
    ({"metadata": {"user_id": 5}}, "metadata.user_id: Input should be a valid string"),
    ({"thinking": {}}, "thinking.type: Field required"),
    ({"thinking": {"type": "wild"}}, "thinking.type: 'wild' is not supported here"),
    ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens: Field required"),
    (
        {"thinking": {"type": "enabled", "budget_tokens": 1}},
        "thinking.budget_tokens: Input should be greater than or equal to 1024",
    ),
    (
        {"output_config": {"effort": "huge"}},
        f"output_config.effort: {EFFORTS}",
    ),
    (
        {"messages": [*HI, {"role": "system", "output_config": {"effort": "none"}}]},
        f"messages.1.output_config.effort: {EFFORTS}",
    ),
    ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type: 'xml' is"),
    (
        {"output_format": {"type": "json_schema"}},
        "output_format.schema: Field required",
    ),
    ({"tool_choice": {"type": "some"}}, "tool_choice.type: 'some' is not supported here"),
    ({"tool_choice": {"type": "tool"}}, "tool_choice.name: Field required"),
    (
        {"tool_choice": {"type": "tool", "name": "g"}, "tools": [TOOL]},
        "tool_choice.name: Tool 'g' not found in provided tools",
    ),
]


@pytest.mark.parametrize(("members", "message"), REFUSED)
def test_a_wrong_field_is_refused_by_its_name(parse, members, message):
    with pytest.raises(GatewayError) as failure:
        parse(**members)
    assert failure.value.kind is Kind.INVALID_REQUEST
    assert failure.value.status == 400
    assert failure.value.message.startswith(message)
    assert failure.value.field == message.split(":")[0]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "The request body is not valid JSON: "),
        (b'{"model": "m",', "The request body is not valid JSON: "),
        (b'{"model": "\xff"}', "The request body is not valid JSON: "),
        (b"[" * 100_000, "The request body is nested too deeply"),
        (b'{"temperature": 1e999}', "The request body is not valid JSON: "),
        (b"[]", "The request body must be a JSON object"),
        (b'"model"', "The request body must be a JSON object"),
        (b"{}", "model: Field required"),
        (b'{"model": "m"}', "messages: Field required"),
        (b'{"model": "m", "messages": [{"role": "user", "content": ""}]}', "max_tokens: Field"),
    ],
)
def test_a_body_that_cannot_be_read(raw, message):
    with pytest.raises(GatewayError) as failure:
        parse_messages(raw, Headers())
    assert failure.value.kind is Kind.INVALID_REQUEST
    assert failure.value.message.startswith(message)


@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue"}, "x"])
@pytest.mark.parametrize("parser", [parse_messages, parse_count_tokens])
def test_a_thread_gets_the_answer_that_makes_the_sdk_send_its_history(parser, thread):
    raw = msgspec.json.encode({"model": "m", "messages": [], "thread": thread})
    with pytest.raises(GatewayError) as failure:
        parser(raw, Headers())
    assert failure.value.kind is Kind.UNSUPPORTED_THREAD
    assert failure.value.code == "thread_unsupported_request"
    assert failure.value.field == "thread"


def test_a_null_thread_is_none(parse):
    assert parse(thread=None).conversation.ignored == ()


def test_count_tokens_takes_no_max_tokens():
    raw = msgspec.json.encode({"model": "m", "messages": HI, "tools": []})
    conversation = parse_count_tokens(raw, Headers()).conversation
    assert conversation.messages == (Message("user", (Text("hi"),)),)
    assert conversation.ignored == ()


def test_unknown_members_are_named_once_at_any_depth_and_in_order(parse):
    marked = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    parsed = parse(
        inference_geo="eu",
        system=[marked],
        messages=[
            {"role": "user", "content": [marked, marked], "id": "x"},
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "a", "content": [marked]}],
            },
        ],
        tools=[{**TOOL, "defer_loading": True, "eager_input_streaming": True}],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
        output_config={"task_budget": {"type": "tokens"}},
        metadata={"team": "x"},
    )
    assert set(parsed.conversation.ignored) == {
        "inference_geo",
        "id",
        "cache_control",
        "task_budget",
        "team",
        "defer_loading",
        "eager_input_streaming",
    }
    assert len(set(parsed.conversation.ignored)) == len(parsed.conversation.ignored)
    assert parsed.conversation.ignored[0] == "inference_geo"


def test_what_a_tool_is_called_with_and_its_schema_are_not_looked_into(parse):
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {"cache_control": 1, "x": {}}}
    schema = {"type": "object", "defer_loading": True, "properties": {"unknown": {"odd": 1}}}
    parsed = parse(messages=assistant(call), tools=[{"name": "f", "input_schema": schema}])
    assert parsed.conversation.ignored == ()
    assert parsed.conversation.tools[0].schema == schema


def test_fields_that_are_checked_and_not_honoured_are_listed(parse):
    parsed = parse(temperature=0.5, top_p=1, top_k=0)
    assert parsed.conversation.ignored == ("temperature", "top_p", "top_k")


def test_stop_sequences_are_read(parse):
    conversation = parse(stop_sequences=["x", "\n\ny"]).conversation
    assert (conversation.stop_sequences, conversation.ignored) == (("x", "\n\ny"), ())
    most = [str(number) for number in range(8191)]
    assert parse(stop_sequences=most).conversation.stop_sequences == tuple(most)


@pytest.mark.parametrize("kind", ["auto", "any", "tool"])
def test_parallel_calls_can_be_switched_off(parse, kind):
    tools = [{"name": "f", "input_schema": {}}]
    named = {"name": "f"} if kind == "tool" else {}
    for given, wanted in ((True, False), (False, True), (None, True)):
        choice = {"type": kind, "disable_parallel_tool_use": given, **named}
        conversation = parse(tools=tools, tool_choice=choice).conversation
        assert (conversation.parallel_calls, conversation.ignored) == (wanted, ())


def test_fields_that_ask_for_nothing_are_not_listed(parse):
    parsed = parse(temperature=None, stop_sequences=[], system=None, tools=None, thinking=None)
    assert parsed.conversation.ignored == ()


def test_max_tokens_of_zero_is_legal(parse):
    assert parse(max_tokens=0).conversation.max_tokens == 0


def test_the_limit_of_the_answer_is_read(parse):
    assert parse(max_tokens=32_000).conversation.max_tokens == 32_000


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, Reasoning()),
        ({"thinking": {"type": "disabled"}}, Reasoning(False)),
        ({"thinking": {"type": "adaptive"}}, Reasoning(True)),
        ({"thinking": {"type": "between_tools"}}, Reasoning(True, between_tools=True)),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, Reasoning(True)),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}},
            Reasoning(True, omit_text=True),
        ),
        ({"output_config": {"effort": "max"}}, Reasoning(effort="max")),
        ({"output_config": {"effort": None}}, Reasoning()),
    ],
)
def test_reasoning(parse, members, expected):
    assert parse(**members).conversation.reasoning == expected


def test_a_budget_above_max_tokens_is_clamped_and_told(parse):
    """Some clients send both alike."""
    thinking = {"type": "enabled", "budget_tokens": 32000}
    clamped = parse(max_tokens=32000, thinking=thinking).conversation
    assert clamped.reasoning == Reasoning(True)
    assert clamped.notes == ("budget_tokens_clamped",)
    assert "budget_tokens" in clamped.ignored
    assert parse(max_tokens=32001, thinking=thinking).conversation.notes == ()


def test_a_display_that_is_not_known_is_ignored(parse):
    parsed = parse(thinking={"type": "adaptive", "display": "updates"})
    assert parsed.conversation.ignored == ("display",)


def test_a_system_message_after_the_last_user_turn_sets_the_effort_of_this_turn(parse):
    system = {"role": "system", "content": "s", "output_config": {"effort": "low"}}
    config = {"effort": "high"}
    last = parse(messages=[*HI, system], output_config=config)
    assert last.conversation.reasoning.effort == "low"
    earlier = parse(messages=[*HI, system, *HI], output_config=config)
    assert earlier.conversation.reasoning.effort == "high"


@pytest.mark.parametrize(
    ("system", "text"),
    [
        ("You are.", "You are."),
        ([], ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\n\nb"),
    ],
)
def test_system(parse, system, text):
    assert parse(system=system).conversation.system == text


def test_the_billing_header_of_claude_code_is_no_part_of_the_prompt(parse):
    billing = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cc_entry=cli;"}
    conversation = parse(system=[billing, {"type": "text", "text": "a"}]).conversation
    assert conversation.system == "a"
    assert conversation.notes == ("billing_header_removed",)


def test_system_messages_stand_where_they_are(parse):
    messages = [
        *HI,
        {"role": "system", "content": [{"type": "text", "text": "s"}], "output_config": {}},
        {"role": "assistant", "content": "a"},
        {"role": "system", "content": "t"},
    ]
    roles = [message.role for message in parse(messages=messages).conversation.messages]
    assert roles == ["user", "system", "assistant", "system"]


def test_a_system_message_for_one_turn_is_gone_after_the_next(parse):
    once = {"role": "system", "content": "s", "clear_at": "next_user_message"}
    assert len(parse(messages=[*HI, once]).conversation.messages) == 2
    assert len(parse(messages=[*HI, once, *HI]).conversation.messages) == 2
    kept = once | {"clear_at": "never"}
    assert len(parse(messages=[*HI, kept, *HI]).conversation.messages) == 3


@pytest.mark.parametrize("field", ["output_config", "output_format"])
def test_a_json_schema_by_its_new_and_its_old_name(parse, field):
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    members = {field: {"format": wanted} if field == "output_config" else wanted}
    conversation = parse(**members).conversation
    assert conversation.json_schema == {"type": "object"}
    place = {"output_config": "output_config.format.schema"}.get(field, f"{field}.schema")
    assert conversation.json_schema_field == place


def test_of_two_schemas_the_one_by_the_new_name_is_honoured(parse):
    new, old = ({"type": "json_schema", "schema": {"type": kind}} for kind in ("object", "array"))
    both = parse(output_config={"format": new}, output_format=old).conversation
    assert (both.json_schema, both.ignored) == ({"type": "object"}, ("output_format",))
    assert parse(output_config={"format": new}, output_format=new).conversation.ignored == ()


def test_of_two_compactions_the_last_is_made(parse):
    kind = "compact_20260112"
    edits = [{"type": kind, "instructions": told} for told in ("a", "b")]
    asked = parse(context_management={"edits": edits}).conversation
    assert (asked.compaction.instructions, asked.ignored) == ("b", (kind,))


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, ToolChoice()),
        ({"type": "auto"}, ToolChoice("auto")),
        ({"type": "any"}, ToolChoice("any")),
        ({"type": "none"}, ToolChoice("none")),
        ({"type": "tool", "name": "f"}, ToolChoice("tool", "f")),
    ],
)
def test_tool_choice(parse, choice, expected):
    assert parse(tools=[TOOL], tool_choice=choice).conversation.tool_choice == expected


USER_ID = '{"device_id":"d","account_uuid":"","session_id":"s"}'


@pytest.mark.parametrize(
    ("headers", "session"),
    [
        ({}, USER_ID),
        ({"X-Session-Id": "o"}, "o"),
        ({"x-conversation-id": "c", "x-session-id": "o"}, "c"),
        ({"X-Claude-Code-Session-Id": "s", "x-session-id": "o"}, "s"),
        ({"x-claude-code-session-id": "s", "x-claude-code-agent-id": "a"}, "s/a"),
    ],
)
def test_the_session_is_the_most_telling_name_of_it(parse, headers, session):
    parsed = parse(headers, metadata={"user_id": USER_ID})
    assert parsed.conversation.session == session


def test_no_session_when_none_is_told(parse):
    assert parse().conversation.session == ""
    assert parse(metadata={"user_id": None}).conversation.session == ""


def test_a_sub_agent_of_claude_code_names_the_session_that_started_it(parse):
    session, agent = "X-Claude-Code-Session-Id", "X-Claude-Code-Agent-Id"
    conversation = parse({session: "s", agent: "a"}).conversation
    assert (conversation.session, conversation.root) == ("s/a", "s")
    assert parse({session: "s"}).conversation.root == ""
    assert parse({agent: "a"}).conversation.root == ""
