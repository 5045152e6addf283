"""Each rule by itself: what it mends, and that it leaves alone what needs nothing."""

from typing import Any

import pytest

from app.codewhisperer.request.repair import Limits, Repaired, repair, rules
from app.codewhisperer.request.repair.attachments import MAX_DOCUMENTS, MAX_IMAGES
from app.codewhisperer.request.tool_names import renamed
from app.common.errors import GatewayError, Kind
from app.core.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Part,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

READ = Tool("Read", "Reads a file", {"type": "object", "properties": {"path": {"type": "string"}}})
WRITE = Tool("Write", "Writes a file", {"type": "object"})


def user(*parts: Part | str) -> Message:
    return Message("user", tuple(Text(p) if isinstance(p, str) else p for p in parts))


def assistant(*parts: Part | str) -> Message:
    return Message("assistant", user(*parts).parts)


def system(text: str) -> Message:
    return Message("system", (Text(text),))


def call(call_id: str = "call-1", name: str = "Read") -> ToolCall:
    return ToolCall(call_id, name, {"path": "a"})


def result(call_id: str = "call-1", *texts: str, is_error: bool = False) -> ToolResult:
    return ToolResult(call_id, tuple(map(Text, texts or ("done",))), is_error)


def conversation(*messages: Message, **members: Any) -> Conversation:
    return Conversation("m", messages, **members)


def repaired(*messages: Message, max_description: int = 10_000, **members: Any) -> Repaired:
    return repair(conversation(*messages, **members), Limits(max_description))


def texts(message: Message) -> list[str]:
    return [part.text for part in message.parts if isinstance(part, Text)]


CLEAN = [
    conversation(user("hello")),
    conversation(user("a", "b"), assistant("c"), user("d"), system="Be brief."),
    conversation(
        user("read"),
        assistant(Thinking("hm", "signed"), "reading", call("1"), call("2", "Write")),
        user(result("2"), result("1", is_error=True), "go on", Image("png", "AAAA")),
        tools=(READ, WRITE),
    ),
    conversation(
        user("a"), assistant(RedactedThinking("AAAA"), call()), user(result()), tools=(READ,)
    ),
    conversation(user(Document("text", "title"))),
    conversation(user(Document(None, "Title", "pdf", "AAAA"), "what is it?")),
    conversation(user(Image("png", "AAAA"), "what is it?")),
]


@pytest.mark.parametrize("clean", CLEAN)
def test_what_needs_nothing_comes_back_untouched(clean: Conversation) -> None:
    assert repair(clean, Limits(10_000)) == Repaired(clean, {}, ())
    assert repair(clean, Limits(10_000)).conversation is clean


def test_rules_are_told_apart_by_name() -> None:
    names = [rule.name for rule in rules(Limits(10_000))]
    assert len(set(names)) == len(names)


def test_rules_tell_of_themselves_in_the_order_of_the_table() -> None:
    got = repaired(assistant("a"), assistant("b"), tools=(Tool("x", "", {}),))
    assert got.rules == (
        "merge-turns",
        "open-with-user",
        "describe-tool",
        "normalise-schema",
        "continue-prefill",
    )


# turns


@pytest.mark.parametrize(
    ("messages", "roles", "place"),
    [
        ([user("u"), system("s")], ["user"], 0),
        ([system("s"), user("u")], ["user"], 0),
        ([user("u"), assistant("a"), system("s"), user("v")], ["user", "assistant", "user"], 2),
        ([user("u"), assistant("a"), system("s")], ["user", "assistant", "user"], 2),
        ([user("u"), assistant("a"), system("s"), assistant("b"), user("v")],
         ["user", "assistant", "user", "assistant", "user"], 2),
        ([system("s")], ["user"], 0),
    ],
)  # fmt: skip
def test_system_messages_become_marked_text_of_the_user_next_to_them(
    messages: list[Message], roles: list[str], place: int
) -> None:
    got = repaired(*messages)
    assert got.rules == ("fold-system-message",)
    assert [message.role for message in got.conversation.messages] == roles
    assert "<system>\ns\n</system>" in texts(got.conversation.messages[place])


def test_turns_of_one_role_become_one() -> None:
    got = repaired(
        user("a"), user("b"), assistant("c"), assistant(call()), user("d", result()), tools=(READ,)
    )
    assert got.rules == ("merge-turns",)
    assert got.conversation.messages == (
        user("a", "b"),
        assistant("c", call()),
        user("d", result()),
    )


def test_an_assistant_that_speaks_first_gets_a_user_before_it() -> None:
    got = repaired(assistant("hello"), user("hi"))
    assert got.rules == ("open-with-user",)
    assert [message.role for message in got.conversation.messages] == ["user", "assistant", "user"]


def test_an_empty_conversation_gets_a_turn() -> None:
    got = repaired()
    assert got.rules == ("open-with-user",)
    assert texts(got.conversation.messages[0]) != [""]


def test_prefill_is_history_and_the_user_asks_to_go_on() -> None:
    got = repaired(user("one, two"), assistant("three, "))
    assert got.rules == ("continue-prefill",)
    assert got.conversation.messages[:2] == (user("one, two"), assistant("three, "))
    assert "exactly where it stopped" in texts(got.conversation.messages[2])[0]


@pytest.mark.parametrize("empty", [(), (Text(""),), (Document(""),)])
def test_a_turn_that_says_nothing_gets_a_word(empty: tuple[Part, ...]) -> None:
    got = repaired(user("a"), Message("assistant", empty), Message("user", empty))
    assert got.rules == ("fill-empty-turn",)
    assert all(texts(message)[-1] for message in got.conversation.messages)


def test_a_turn_of_images_alone_gets_a_word() -> None:
    got = repaired(user(Image("png", "AAAA")))
    assert got.rules == ("fill-empty-turn",)
    assert got.conversation.messages == (user(Image("png", "AAAA"), "(image)"),)


# thinking


def test_thinking_without_a_signature_goes_and_the_turn_stays() -> None:
    got = repaired(user("a"), assistant(Thinking("hm")), user("b"))
    assert got.rules == ("drop-unsigned-thinking", "fill-empty-turn")


def test_one_block_of_thinking_per_message_the_last() -> None:
    first, second = Thinking("1", "s1"), RedactedThinking("AAAA")
    got = repaired(user("a"), assistant(first, "x", second, "y"), user("b"))
    assert got.rules == ("keep-last-thinking",)
    assert got.conversation.messages[1] == assistant("x", second, "y")


def test_a_signature_without_text_is_thinking_too() -> None:
    turn = assistant(Thinking("", "signed"), "x")
    assert repaired(user("a"), turn, user("b")).rules == ()


# tools on offer


def test_of_two_tools_with_one_name_the_first_is_offered() -> None:
    got = repaired(user("a"), tools=(READ, Tool("Read", "Another", {"type": "object"})))
    assert got.rules == ("drop-duplicate-tool",)
    assert got.conversation.tools == (READ,)


def test_an_illegal_name_changes_wherever_it_stands_and_can_be_mapped_back() -> None:
    name = "mcp__" + "x" * 80
    got = repaired(
        user("a"),
        assistant(call(name=name)),
        user(result()),
        tools=(Tool(name, "d", {"type": "object"}), READ),
        tool_choice=ToolChoice("tool", name),
    )
    (new,) = got.tool_names
    assert got.tool_names == {new: name}
    assert "legal-tool-name" in got.rules
    assert [tool.name for tool in got.conversation.tools] == [new]
    assert got.conversation.messages[1] == assistant(call(name=new))
    assert texts(got.conversation.messages[2]) == [
        f"<system>\nAnswer by calling the tool {new}.\n</system>"
    ]


def test_names_that_differ_in_case_alone_stay_two_tools() -> None:
    got = repaired(user("a"), tools=(READ, Tool("read", "Another", {"type": "object"})))
    assert got.tool_names == {renamed(["Read", "read"])["read"]: "read"}


def test_a_used_tool_that_is_not_offered_gets_a_stand_in() -> None:
    """docs/upstream.md: A history with tool calls needs tools"""
    got = repaired(user("a"), assistant(call(name="Old")), user(result()), tools=(READ,))
    assert got.rules == ("offer-used-tool",)
    assert [tool.name for tool in got.conversation.tools] == ["Read", "Old"]
    assert "Do not call it" in got.conversation.tools[1].description


def test_an_empty_description_is_filled() -> None:
    got = repaired(user("a"), tools=(Tool("Read", "", {"type": "object"}),))
    assert got.rules == ("describe-tool",)
    assert got.conversation.tools[0].description


def test_a_long_description_moves_into_the_system_text_by_characters() -> None:
    short, long = (
        Tool("A", "语" * 100, {"type": "object"}),
        Tool("B", "语" * 101, {"type": "object"}),
    )
    got = repaired(user("a"), tools=(short, long), system="Be brief.", max_description=100)
    assert got.rules == ("move-long-description",)
    assert got.conversation.system == f"Be brief.\n\n# Tool: B\n\n{'语' * 101}"
    assert got.conversation.tools[0] is short
    assert '"Tool: B"' in got.conversation.tools[1].description


def test_a_schema_is_put_into_plain_words() -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string", "title": "T"}}}
    got = repaired(user("a"), tools=(Tool("Read", "d", schema),))
    assert got.rules == ("normalise-schema",)
    assert got.conversation.tools[0].schema == {
        "type": "object",
        "properties": {"title": {"type": "string"}},
    }


def test_a_schema_beyond_all_bounds_is_refused_by_the_name_of_its_tool() -> None:
    schema: dict[str, Any] = {}
    for _ in range(100):
        schema = {"title": "t", "properties": {"a": schema}}
    with pytest.raises(GatewayError, match="schema of tool 'Deep'") as caught:
        repaired(user("a"), tools=(Tool("Deep", "d", schema),))
    assert caught.value.kind is Kind.INVALID_REQUEST


# tool choice and JSON


def test_none_offers_no_tool() -> None:
    got = repaired(user("a"), tools=(READ,), tool_choice=ToolChoice("none"))
    assert got.rules == ("remove-tools",)
    assert got.conversation.tools == ()


def test_none_after_tools_were_used_keeps_the_history_legal() -> None:
    got = repaired(
        user("a"),
        assistant(call()),
        user(result()),
        tools=(READ, WRITE),
        tool_choice=ToolChoice("none"),
    )
    assert got.rules == ("remove-tools", "offer-used-tool", "direct-tool-choice")
    assert [tool.name for tool in got.conversation.tools] == ["Read"]
    assert got.conversation.tools[0] != READ
    assert "Do not call any tool" in texts(got.conversation.messages[-1])[-1]


def test_a_named_tool_is_the_only_one() -> None:
    got = repaired(user("a"), tools=(READ, WRITE), tool_choice=ToolChoice("tool", "Write"))
    assert got.rules == ("narrow-tools", "direct-tool-choice")
    assert got.conversation.tools == (WRITE,)
    assert "the tool Write" in texts(got.conversation.messages[-1])[-1]


def test_any_is_a_directive_at_the_end() -> None:
    got = repaired(user("a"), tools=(READ,), tool_choice=ToolChoice("any"))
    assert got.rules == ("direct-tool-choice",)
    assert len(texts(got.conversation.messages[-1])) == 2


@pytest.mark.parametrize("choice", [ToolChoice("any"), ToolChoice("tool", "Read")])
def test_a_choice_that_cannot_be_made_is_refused(choice: ToolChoice) -> None:
    tools = (WRITE,) if choice.mode == "tool" else ()
    with pytest.raises(GatewayError, match="tool_choice") as caught:
        repaired(user("a"), assistant(call()), user(result()), tools=tools, tool_choice=choice)
    assert (caught.value.kind, caught.value.field) == (Kind.INVALID_REQUEST, "tool_choice")


# pairing


def ids(got: Repaired) -> list[tuple[str, str]]:
    """(call's id, result's id) for every pair of neighbouring turns, in order."""
    found = []
    for asked, answered in zip(
        got.conversation.messages[1::2], got.conversation.messages[2::2], strict=True
    ):
        calls = [part.id for part in asked.parts if isinstance(part, ToolCall)]
        results = [part.call_id for part in answered.parts if isinstance(part, ToolResult)]
        found += list(zip(calls, results, strict=True))
    return found


@pytest.mark.parametrize("bad", ["call:1", "", "x" * 65, "调用"])
def test_an_illegal_id_changes_on_both_sides(bad: str) -> None:
    got = repaired(user("a"), assistant(call(bad)), user(result(bad)), tools=(READ,))
    assert got.rules == ("legal-tool-id",)
    ((asked, answered),) = ids(got)
    assert asked == answered != bad


def test_ids_that_come_back_are_told_apart_turn_by_turn() -> None:
    got = repaired(
        *(user("a"), assistant(call("1")), user(result("1", "first"))),
        *(assistant(call("1"), call("1")), user(result("1", "second"), result("1", "third"))),
        tools=(READ,),
    )
    assert got.rules == ("legal-tool-id",)
    pairs = ids(got)
    assert [asked == answered for asked, answered in pairs] == [True] * 3
    assert pairs[0] == ("1", "1")
    assert len(set(pairs)) == 3


def test_ids_of_earlier_turns_do_not_depend_on_later_ones() -> None:
    turns = [
        user("a"),
        assistant(call("1")),
        user(result("1")),
        assistant(call("1")),
        user(result("1")),
    ]
    longer = repaired(*turns, assistant(call("1")), user(result("1")), tools=(READ,))
    shorter = repaired(*turns, tools=(READ,))
    assert longer.conversation.messages[: len(turns)] == shorter.conversation.messages


@pytest.mark.parametrize(
    "messages",
    [
        [user(result("gone", "text"))],
        [user("a"), assistant("b"), user(result("gone", "text"))],
        [user("a"), assistant(call()), user(result(), result("gone", "text"))],
        [
            user("a"),
            assistant(call("gone")),
            user(result("gone")),
            assistant("b"),
            user(result("gone", "text")),
        ],
        [user("a"), assistant(call("gone")), user(result("gone"), result("gone", "text"))],
    ],
    ids=["in the first turn", "after no call", "of another call", "too late", "twice"],
)
def test_a_result_without_its_call_becomes_text(messages: list[Message]) -> None:
    got = repaired(*messages, tools=(READ,))
    assert got.rules == ("tool-result-to-text",)
    assert texts(got.conversation.messages[-1]) == ["[result of tool call gone]", "text"]
    assert all(asked == answered for asked, answered in ids(got))


def test_a_result_of_no_call_that_says_nothing_is_told_too() -> None:
    got = repaired(user(ToolResult("gone")))
    assert got.rules == ("tool-result-to-text",)
    assert got.conversation.messages == (user("[result of tool call gone]"),)


def test_what_failed_is_still_said_to_have_failed() -> None:
    got = repaired(user(result("gone", "text", is_error=True)))
    assert texts(got.conversation.messages[-1]) == ["[error of tool call gone]", "text"]


def test_a_call_without_a_result_is_answered_with_an_error() -> None:
    got = repaired(
        user("a"), assistant(call("1"), call("2")), user("never mind", result("2")), tools=(READ,)
    )
    assert got.rules == ("answer-tool-call",)
    cancelled, *others = got.conversation.messages[2].parts
    assert isinstance(cancelled, ToolResult)
    assert (cancelled.call_id, cancelled.is_error) == ("1", True)
    assert "cancelled" in texts(Message("user", cancelled.content))[0]
    assert tuple(others) == user("never mind", result("2")).parts


def test_a_last_turn_that_ends_with_a_call_is_answered_too() -> None:
    got = repaired(user("a"), assistant(call()), tools=(READ,))
    assert got.rules == ("answer-tool-call",)
    assert [message.role for message in got.conversation.messages] == ["user", "assistant", "user"]


def test_a_result_that_says_nothing_says_so() -> None:
    for empty in ((), (Text(""),), (Document(""),)):
        got = repaired(
            user("a"), assistant(call()), user(ToolResult("call-1", empty)), tools=(READ,)
        )
        assert got.rules == ("fill-empty-result",)


# images and documents


def images_of(message: Message) -> list[Image]:
    return [part for part in message.parts if isinstance(part, Image)]


def test_images_of_results_move_to_the_message_in_the_order_of_the_calls() -> None:
    """docs/upstream.md: Images and documents in tool results"""
    first, second, third, own = (Image("png", data * 4) for data in "ABCD")
    got = repaired(
        user("a"),
        assistant(call("1"), call("2")),
        user(
            ToolResult("2", (third, Text("after"))),
            ToolResult("1", (Text("before"), first, second)),
            own,
            "look",
        ),
        tools=(READ,),
    )
    assert got.rules == ("lift-result-image",)
    message = got.conversation.messages[2]
    assert images_of(message) == [own, first, second, third]
    two, one = (part for part in message.parts if isinstance(part, ToolResult))
    assert two.content == (
        Text("[image: number 4 of the 4 attached to this message]"),
        Text("after"),
    )
    assert one.content == (
        Text("before"),
        Text("[image: number 2 of the 4 attached to this message]"),
        Text("[image: number 3 of the 4 attached to this message]"),
    )


def test_an_only_image_needs_no_number() -> None:
    answer = ToolResult("call-1", (Image("png", "AAAA"),))
    got = repaired(user("a"), assistant(call()), user(answer), tools=(READ,))
    assert got.conversation.messages[2].parts == (
        ToolResult("call-1", (Text("[image: attached to this message]"),)),
        Image("png", "AAAA"),
    )


def test_of_too_many_images_the_newest_stay() -> None:
    images = [Image("png", f"{number:04}") for number in range(MAX_IMAGES + 2)]
    got = repaired(user("look", *images))
    assert got.rules == ("limit-images",)
    parts = got.conversation.messages[0].parts
    assert list(parts[3:]) == images[2:]
    assert all("left out" in text for text in texts(got.conversation.messages[0])[1:])


@pytest.mark.parametrize("same", [True, False])
def test_equal_images_are_counted_each(same: bool) -> None:
    image = Image("png", "AAAA")
    images = [image if same else Image("png", "AAAA") for _ in range(MAX_IMAGES + 1)]
    got = repaired(user(*images, "look"))
    kept = [part for part in got.conversation.messages[0].parts if isinstance(part, Image)]
    assert len(kept) == MAX_IMAGES


def test_an_image_left_out_of_a_result_is_told_of_in_it() -> None:
    images = tuple(Image("png", f"{number:04}") for number in range(MAX_IMAGES + 1))
    got = repaired(user("a"), assistant(call()), user(ToolResult("call-1", images)), tools=(READ,))
    assert got.rules == ("limit-images", "lift-result-image")
    message = got.conversation.messages[2]
    assert images_of(message) == list(images[1:])
    answer: Any = message.parts[0]
    assert "left out" in answer.content[0].text
    assert "number 1 of the 10" in answer.content[1].text


def test_of_all_images_the_newest_that_fit_together_stay() -> None:
    """docs/upstream.md: How many images, and how large"""
    old, middle, new = (Image("png", letter * 4000) for letter in "ABC")
    got = repair(
        conversation(user(old, "a"), assistant("b"), user(middle, new, "c")), Limits(100, 7000)
    )
    assert got.rules == ("limit-images",)
    first, _, last = got.conversation.messages
    assert images_of(first) == []
    assert texts(first)[0] == "[image left out: newer images take up the 7000 bytes of one request]"
    assert images_of(last) == [middle, new]


def test_a_model_that_reads_no_images_is_told_of_them() -> None:
    """docs/upstream.md: What a model reads"""
    image = Image("png", "AAAA")
    got = repair(
        conversation(
            user(image, "a"),
            assistant(call()),
            user(ToolResult("call-1", (image,))),
            tools=(READ,),
        ),
        Limits(10_000, images=False),
    )
    assert got.rules == ("describe-image",)
    no_image = Text("[image left out: this model reads no images]")
    assert got.conversation.messages[0].parts == (no_image, Text("a"))
    assert got.conversation.messages[2].parts == (ToolResult("call-1", (no_image,)),)


def pdf(title: str | None = "Report", data: str = "AAAA") -> Document:
    return Document(None, title, "pdf", data)


def documents_of(message: Message) -> list[str | None]:
    return [part.title for part in message.parts if isinstance(part, Document)]


def test_a_document_in_a_result_moves_to_the_message() -> None:
    """docs/upstream.md: Images and documents in tool results"""
    got = repaired(
        user("a"), assistant(call()), user(ToolResult("call-1", (pdf(),))), tools=(READ,)
    )
    assert got.rules == ("lift-result-document",)
    assert got.conversation.messages[2].parts == (
        ToolResult("call-1", (Text('[document "Report": attached to this message]'),)),
        pdf(),
    )


def test_a_turn_of_documents_alone_gets_a_word() -> None:
    got = repaired(user(pdf()))
    assert got.rules == ("fill-empty-turn",)
    assert got.conversation.messages == (user(pdf(), "(document)"),)


@pytest.mark.parametrize(
    ("title", "name", "told"),
    [
        ("report.pdf", "report", False),
        ("Q1 report [final] (v2)_x-y.DOCX", "Q1 report [final] (v2)_x-y", False),
        (None, "document", False),
        ("", "document", False),
        ("a.b.xlsx", "a-b", True),
        ("a \t b\n.pdf", "a b", True),
        ("/tmp/a.pdf", "tmp-a", True),
        ("résumé.pdf", "resume", True),
        ("報告.pdf", "document", True),
        ("x" * 300, "x" * 200, True),
    ],
)
def test_names_of_documents_are_made_legal(title: str | None, name: str, told: bool) -> None:
    """docs/upstream.md: Names of documents"""
    got = repaired(user("look", pdf(title)))
    assert got.rules == ("legal-document-name",)
    assert documents_of(got.conversation.messages[0]) == [name]
    quoted = " ".join((title or "").split())
    note = f'[document "{name}" is the file "{quoted}"]'
    assert texts(got.conversation.messages[0]) == ["look", *([note] if told else [])]


def test_names_of_documents_are_unique_over_the_conversation() -> None:
    """A later document takes the suffix, so the earlier turns stay as they were sent before.

    docs/upstream.md: Names of documents
    """
    got = repaired(
        user("a", pdf("report.pdf")),
        assistant(call()),
        user(ToolResult("call-1", (pdf("Report.pdf"), pdf("report (2)")))),
        assistant("b"),
        user("c", pdf("y" * 250), pdf("y" * 250)),
        tools=(READ,),
    )
    names = [name for message in got.conversation.messages for name in documents_of(message)]
    assert names == ["report", "Report (2)", "report (2) (2)", "y" * 200, "y" * 196 + " (2)"]


def test_of_all_documents_the_newest_stay() -> None:
    """docs/upstream.md: How many documents"""
    old = (pdf("a"), pdf("b"))
    new = tuple(pdf(f"n{number}") for number in range(MAX_DOCUMENTS - 1))
    got = repaired(user("a", *old), assistant("b"), user("c", *new))
    assert got.rules == ("limit-documents",)
    first, _, last = got.conversation.messages
    assert documents_of(first) == ["b"]
    assert texts(first) == ["a", '[document "a" left out: only the newest 5 can be sent]']
    assert documents_of(last) == [document.title for document in new]


def test_only_the_documents_of_the_last_message_on_demand() -> None:
    """docs/upstream.md: How many documents"""
    got = repair(
        conversation(user("a", pdf("a")), assistant("b"), user("c", pdf("b"))),
        Limits(10_000, earlier_documents=False),
    )
    assert got.rules == ("limit-documents",)
    first, _, last = got.conversation.messages
    assert texts(first)[1] == '[document "a" left out: only those of the last message can be sent]'
    assert documents_of(last) == ["b"]
