"""Messages of every role, and the parts they are made of."""

import pytest

from app.core.conversation import (
    Document,
    Image,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from tests.media import PDF, PNG, base64

USER = {"role": "user", "content": "hi"}
HI = ("user", (Text("hi"),))
IMAGE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}}


def text(said):
    return {"type": "text", "text": said}


def call(call_id, name="f", arguments='{"a": 1}', **more):
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function, **more}


def file(**members):
    return {"type": "file", "file": members}


def tool(call_id, content):
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def test_a_users_message_of_text(said):
    assert said(USER) == [HI]


def test_a_users_message_of_parts(said):
    parts = [text("a"), IMAGE, text("")]
    assert said({"role": "user", "content": parts}) == [
        ("user", (Text("a"), Image("png", PNG), Text("")))
    ]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            file(filename="a.md", file_data="data:text/markdown;base64," + base64(b"# hi")),
            Document("# hi", "a.md"),
        ),
        (file(filename="a.csv", file_data=base64(b"a,b")), Document("a,b", "a.csv")),
        (
            file(filename="a.pdf", file_data="data:application/pdf;base64," + PDF),
            Document(None, "a.pdf", "pdf", PDF, "messages[1].content[1]"),
        ),
    ],
)
def test_files_are_read_as_in_responses(said, part, expected):
    content = [text("a"), part]
    answer = said(USER, {"role": "user", "content": content}, tool("x", content))
    assert answer[1] == ("user", (Text("a"), expected))
    (result,) = answer[2][1]
    assert result.content[1].title == expected.title


def test_a_file_of_a_tool_that_cannot_be_sent_is_told_to_the_model(parse):
    part = file(filename="a.bin", file_data="data:;base64,AAAA")
    conversation = parse(messages=[USER, tool("x", [part])]).conversation
    (result,) = conversation.messages[1].parts
    assert result.content[0].text.startswith("[document 'a.bin' left out: files of this kind")
    assert conversation.notes == ("document_as_text",)


SOURCE = {"type": "base64", "media_type": "image/png", "data": PNG}
BLOCK = {"type": "image", "source": SOURCE}


def test_blocks_of_messages_are_read_and_told(parse):
    """As Cursor sends them for models with Claude's names."""
    thought = {"type": "thinking", "thinking": "hm", "signature": "sig"}
    use = {"type": "tool_use", "id": "x", "name": "f", "input": {"a": 1}}
    bad = {"type": "image", "source": SOURCE | {"data": base64(b"<svg>")}}
    results = [
        {"type": "tool_result", "tool_use_id": "x", "content": "y", "is_error": True},
        {"type": "tool_result", "tool_use_id": "y", "content": [text("z"), BLOCK, bad]},
        {"type": "tool_result", "tool_use_id": "z"},
    ]
    conversation = parse(
        messages=[
            {"role": "user", "content": [text("a"), BLOCK]},
            {
                "role": "assistant",
                "content": [thought, {"type": "redacted_thinking", "data": "Eo8B"}, text("b"), use],
            },
            {"role": "user", "content": [*results, text("c")]},
        ]
    ).conversation
    user, assistant, answer = (message.parts for message in conversation.messages)
    assert user == (Text("a"), Image("png", PNG))
    assert assistant == (
        Thinking("hm", "sig"),
        RedactedThinking("Eo8B"),
        Text("b"),
        ToolCall("x", "f", {"a": 1}),
    )
    assert answer[0] == ToolResult("x", (Text("y"),), is_error=True)
    assert answer[1].content[:2] == (Text("z"), Image("png", PNG))
    assert answer[1].content[2].text.startswith("[image left out: ")
    assert answer[2:] == (ToolResult("z"), Text("c"))
    assert conversation.notes == ("messages_block_read", "image_as_text")
    assert conversation.ignored == ()


def test_messages_of_one_role_may_follow_one_another(said):
    assert said(USER, USER) == [HI, HI]


def test_speakers_are_kept_apart(said):
    assert said(
        USER | {"name": "alice"},
        {"role": "user", "name": "bob", "content": [text("a"), text("b")]},
        {"role": "user", "name": "carol", "content": [IMAGE]},
        {"role": "user", "name": "", "content": "hi"},
    ) == [
        ("user", (Text("alice: hi"),)),
        ("user", (Text("bob: a"), Text("b"))),
        ("user", (Text("carol:"), Image("png", PNG))),
        HI,
    ]


def test_examples_have_their_speakers(parse):
    example = {"role": "system", "name": "example_user", "content": "What is it?"}
    conversation = parse(messages=[example, USER, example]).conversation
    assert conversation.system == "example_user: What is it?"
    assert conversation.messages[1].parts == (Text("example_user: What is it?"),)


def test_assistants_are_kept_apart_where_there_are_several(parse):
    one = {"role": "assistant", "name": "planner", "content": "a"}
    two = {"role": "assistant", "name": "coder", "content": None, "tool_calls": [call("x")]}
    alone = parse(messages=[USER, one, USER, one]).conversation
    assert (alone.messages[1].parts, alone.ignored) == ((Text("a"),), ("name",))
    several = parse(messages=[USER, one, USER, two, tool("x", "b")]).conversation
    assert [message.parts for message in several.messages[1:4:2]] == [
        (Text("planner: a"),),
        (ToolCall("x", "f", {"a": 1}),),
    ]
    assert several.ignored == ()


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


PATCH = "*** Begin Patch\n+1\n*** End Patch"


@pytest.mark.parametrize("kind", [{"type": "custom"}, {}])
def test_a_custom_call_has_its_text_in_one_member(said, kind):
    custom = {"id": "x", "custom": {"name": "patch", "input": PATCH}, **kind}
    assert said(USER, {"role": "assistant", "tool_calls": [custom]}, tool("x", "ok"))[1:] == [
        ("assistant", (ToolCall("x", "patch", {"input": PATCH}),)),
        ("user", (ToolResult("x", (Text("ok"),)),)),
    ]


@pytest.mark.parametrize(
    ("offered", "expected", "notes"),
    [
        (
            {"type": "custom", "name": "f"},
            {"input": PATCH},
            ("responses_tool_read",),
        ),
        (
            {"type": "custom", "custom": {"name": "f"}},
            {"arguments": PATCH},
            ("invalid_arguments_wrapped",),
        ),
    ],
)
def test_free_text_comes_back_as_arguments_from_who_was_sent_it_there(
    parse, offered, expected, notes
):
    calls = [call("x", arguments=PATCH)]
    turns = [USER, {"role": "assistant", "tool_calls": calls}]
    conversation = parse(messages=turns, tools=[offered]).conversation
    assert conversation.messages[1].parts == (ToolCall("x", "f", expected),)
    assert conversation.notes == notes


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
        ([text("a"), IMAGE], (Text("a"), Image("png", PNG))),
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


BY_URL = "this URL cannot be read by this gateway; send data:image/...;base64,..."
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
    (
        user({"type": "image", "source": {"type": "url", "url": "ftp://a/b"}}),
        "messages[0].content[0].source: images by url cannot be read; send base64",
    ),
    (
        user({"type": "image", "source": {"type": "base64", "data": "AAAA"}}),
        "messages[0].content[0].source.data: ",
    ),
    (user({"type": "tool_result"}), "messages[0].content[0].tool_use_id: Field required"),
    (user("hi"), "messages[0].content[0]: Input should be a valid object"),
    (user({"type": "text"}), "messages[0].content[0].text: Field required"),
    (user({"type": "video"}), "messages[0].content[0].type: 'video' is not supported here"),
    (
        user(text("a"), {"type": "image_url", "image_url": "data:"}),
        "messages[0].content[1].image_url: Input should be a valid object",
    ),
    (
        user(text("a"), {"type": "image_url", "image_url": {"url": "ftp://example.com/a.png"}}),
        f"messages[0].content[1].image_url.url: {BY_URL}",
    ),
    (
        [USER, tool("x", [{"type": "image_url", "image_url": {"url": "ftp://a/b"}}])],
        f"messages[1].content[0].image_url.url: {BY_URL}",
    ),
    (
        user({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
        "messages[0].content[0].input_audio: audio cannot be read by this gateway's models; send",
    ),
    (
        user({"type": "file", "file": {"file_id": "file_1"}}),
        "messages[0].content[0].file.file_id: files are read from file_data only: send data:",
    ),
    (user({"type": "file"}), "messages[0].content[0].file: Field required"),
    (
        user(text("a"), file()),
        "messages[0].content[1].file.file_data: Input should be valid standard base64, not empty",
    ),
    (
        user(text("a"), file(file_data="data:application/zip;base64,AAAA")),
        "messages[0].content[1].file.file_data: application/zip files cannot be read: the bytes",
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
        assistant(tool_calls=[{"id": "x", "type": "custom"}]),
        "messages[1].tool_calls[0].custom: Field required",
    ),
    (
        assistant(tool_calls=[{"id": "x", "custom": {"name": "f"}}]),
        "messages[1].tool_calls[0].custom.input: Field required",
    ),
    (
        assistant(tool_calls=[call("x") | {"type": "mcp"}]),
        "messages[1].tool_calls[0].type: Input should be 'function' or 'custom'",
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
