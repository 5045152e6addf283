"""Messages of every role, and the parts they are made of."""

import pytest

from app.core.conversation import Image, Text, ToolCall, ToolResult

USER = {"role": "user", "content": "hi"}
HI = ("user", (Text("hi"),))
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}


def text(said):
    return {"type": "text", "text": said}


def call(call_id, name="f", arguments='{"a": 1}', **more):
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function, **more}


def tool(call_id, content):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def test_a_users_message_of_text(said):
    assert said(USER) == [HI]


def test_a_users_message_of_parts(said):
    parts = [text("a"), IMAGE, text("")]
    assert said({"role": "user", "content": parts}) == [
        ("user", (Text("a"), Image("png", "AAAA"), Text("")))
    ]


def test_messages_of_one_role_may_follow_one_another(said):
    assert said(USER, USER) == [HI, HI]


def test_what_stands_before_the_conversation_is_its_system_text(parse):
    conversation = parse(
        messages=[
            {"role": "system", "content": "a"},
            {"role": "developer", "content": [text("b"), text("c")]},
            {"role": "system", "content": "d"},
            USER,
        ]
    ).conversation
    assert conversation.system == "a\n\nb\n\nc\n\nd"
    assert [message.role for message in conversation.messages] == ["user"]


@pytest.mark.parametrize("role", ["system", "developer"])
def test_system_messages_inside_the_conversation_stand_where_they_are(parse, role):
    later = {"role": role, "content": [text("s"), text("t")]}
    conversation = parse(messages=[USER, later, USER]).conversation
    assert conversation.system == ""
    assert [message.role for message in conversation.messages] == ["user", "system", "user"]
    assert conversation.messages[1].parts == (Text("s"), Text("t"))


def test_a_system_message_alone(parse):
    conversation = parse(messages=[{"role": "system", "content": "s"}]).conversation
    assert (conversation.system, conversation.messages) == ("s", ())


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "a"}, (Text("a"),)),
        ({"content": [text("a"), text("b")]}, (Text("a"), Text("b"))),
        ({"content": None}, ()),
        ({}, ()),
        ({"content": "", "tool_calls": []}, ()),
        ({"content": "a", "refusal": None, "tool_calls": None}, (Text("a"),)),
        ({"tool_calls": [call("x")]}, (ToolCall("x", "f", {"a": 1}),)),
        (
            {"content": "a", "tool_calls": [call("x"), call("y", "g", "")]},
            (Text("a"), ToolCall("x", "f", {"a": 1}), ToolCall("y", "g", {})),
        ),
        ({"content": "", "tool_calls": [call("x")]}, (ToolCall("x", "f", {"a": 1}),)),
    ],
)
def test_an_assistants_message(said, message, parts):
    assert said(USER, {"role": "assistant", **message})[1:] == [("assistant", parts)]


def test_a_call_without_its_type(said):
    untyped = call("x")
    del untyped["type"]
    assert said(USER, {"role": "assistant", "tool_calls": [untyped]})[1] == (
        "assistant",
        (ToolCall("x", "f", {"a": 1}),),
    )


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "refusal", "refusal": "No."}]},
        {"refusal": "No."},
    ],
)
def test_a_refusal_is_what_the_assistant_said(parse, message):
    conversation = parse(messages=[USER, {"role": "assistant", **message}]).conversation
    assert conversation.messages[1].parts == (Text("No."),)
    assert conversation.notes == ("refusal_as_text",)


def test_arguments_that_are_no_object_go_on_as_text_and_are_told(parse):
    """A model wrote them once, and the agent must be able to go on."""
    broken = {"role": "assistant", "tool_calls": [call("x", arguments='{"a"')]}
    conversation = parse(messages=[USER, broken, tool("x", "not JSON")]).conversation
    assert conversation.messages[1].parts == (ToolCall("x", "f", {"arguments": '{"a"'}),)
    assert conversation.notes == ("invalid_arguments_wrapped",)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("done", (Text("done"),)),
        ("", ()),
        (None, ()),
        ([], ()),
        ([text("a"), text("b")], (Text("a"), Text("b"))),
        ([text("a"), IMAGE], (Text("a"), Image("png", "AAAA"))),
    ],
)
def test_a_tools_answer(said, content, expected):
    assert said(USER, tool("x", content))[1:] == [("user", (ToolResult("x", expected),))]


def test_answers_in_a_row_are_one_turn(said):
    turns = said(
        USER,
        {"role": "assistant", "tool_calls": [call("x"), call("y")]},
        tool("x", "a"),
        tool("y", "b"),
        USER,
        tool("z", "c"),
    )
    assert turns[2:] == [
        ("user", (ToolResult("x", (Text("a"),)), ToolResult("y", (Text("b"),)))),
        HI,
        ("user", (ToolResult("z", (Text("c"),)),)),
    ]


def legacy_call(name, arguments="{}"):
    function = {"name": name, "arguments": arguments}
    return {"role": "assistant", "content": None, "function_call": function}


def function(name, content):
    return {"role": "function", "name": name, "content": content}


def test_a_legacy_call_and_its_answer_belong_together(said):
    assert said(USER, legacy_call("f", '{"a": 1}'), function("f", "done"))[1:] == [
        ("assistant", (ToolCall("function_call_1", "f", {"a": 1}),)),
        ("user", (ToolResult("function_call_1", (Text("done"),)),)),
    ]


def test_a_legacy_answer_belongs_to_the_latest_call_of_its_name(said):
    turns = said(
        USER,
        legacy_call("f"),
        function("f", "1"),
        legacy_call("g"),
        legacy_call("f"),
        function("f", "2"),
        function("g", None),
    )
    results = [part for _, parts in turns for part in parts if isinstance(part, ToolResult)]
    assert results == [
        ToolResult("function_call_1", (Text("1"),)),
        ToolResult("function_call_4", (Text("2"),)),
        ToolResult("function_call_3", ()),
    ]


def test_ids_of_legacy_calls_stay_as_they_are_when_the_conversation_grows(said):
    earlier = [USER, legacy_call("f"), function("f", "1")]
    assert said(*earlier, legacy_call("f"), function("f", "2"))[: len(earlier)] == said(*earlier)


def test_a_legacy_answer_without_a_call_is_kept(said):
    assert said(USER, function("f", "1"))[1:] == [
        ("user", (ToolResult("function_call_of_f", (Text("1"),)),))
    ]


def test_a_legacy_call_is_answered_once(said):
    turns = said(USER, legacy_call("f"), function("f", "1"), function("f", "2"))
    assert [result.call_id for result in turns[2][1]] == ["function_call_1", "function_call_of_f"]


def user(*parts):
    return [{"role": "user", "content": list(parts)}]


def assistant(**members):
    return [USER, {"role": "assistant", **members}]


BY_URL = "images by https URL cannot be read by this gateway; send data:image/...;base64,..."
REFUSED = [
    ({}, "messages: Input should be a valid list"),
    ([], "messages: Input should have a length of at least 1"),
    (["hi"], "messages[0]: Input should be a valid object"),
    ([{"content": "hi"}], "messages[0].role: Field required"),
    ([{"role": "wizard", "content": ""}], "messages[0].role: 'wizard' is not supported here"),
    ([{"role": "user"}], "messages[0].content: Field required"),
    ([{"role": "user", "content": None}], "messages[0].content: Input should be a valid string"),
    ([{"role": "system", "content": 5}], "messages[0].content: Input should be a valid string"),
    (
        [{"role": "system", "content": [IMAGE]}],
        "messages[0].content[0].type: 'image_url' is not supported here",
    ),
    (user("hi"), "messages[0].content[0]: Input should be a valid object"),
    (user({"type": "text"}), "messages[0].content[0].text: Field required"),
    (user({"type": "video"}), "messages[0].content[0].type: 'video' is not supported here"),
    (
        user(text("a"), {"type": "image_url", "image_url": "data:"}),
        "messages[0].content[1].image_url: Input should be a valid object",
    ),
    (
        user(text("a"), {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
        f"messages[0].content[1].image_url.url: {BY_URL}",
    ),
    (
        [USER, tool("x", [{"type": "image_url", "image_url": {"url": "https://a/b"}}])],
        f"messages[1].content[0].image_url.url: {BY_URL}",
    ),
    (
        user({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
        "messages[0].content[0].input_audio: audio cannot be read by this gateway's models; send",
    ),
    (
        user({"type": "file", "file": {"file_id": "file_1"}}),
        "messages[0].content[0].file: files cannot be read by this gateway's models; send the",
    ),
    (
        assistant(content=[IMAGE]),
        "messages[1].content[0].type: 'image_url' is not supported here",
    ),
    (assistant(tool_calls={}), "messages[1].tool_calls: Input should be a valid list"),
    (assistant(tool_calls=[{}]), "messages[1].tool_calls[0].id: Field required"),
    (
        assistant(tool_calls=[call("")]),
        "messages[1].tool_calls[0].id: Input should have a length of at least 1",
    ),
    (
        assistant(tool_calls=[{"id": "x", "type": "function"}]),
        "messages[1].tool_calls[0].function: Field required",
    ),
    (
        assistant(tool_calls=[call("x", arguments={"a": 1})]),
        "messages[1].tool_calls[0].function.arguments: Input should be a valid string",
    ),
    (
        assistant(tool_calls=[{"id": "x", "type": "custom", "custom": {"name": "f", "input": ""}}]),
        "messages[1].tool_calls[0].type: custom tool calls are not supported by this gateway; use",
    ),
    (
        assistant(function_call={"name": "f"}),
        "messages[1].function_call.arguments: Field required",
    ),
    ([{"role": "tool", "content": "a"}], "messages[0].tool_call_id: Field required"),
    ([{"role": "function", "content": "a"}], "messages[0].name: Field required"),
]


@pytest.mark.parametrize(("messages", "problem"), REFUSED)
def test_a_wrong_message_is_refused_by_its_place(refused, messages, problem):
    refused(problem, messages=messages)
