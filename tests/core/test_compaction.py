"""A summary in place of earlier turns."""

from app.core.compaction import ASKED, HEAD, asking, compacted, from_summary, without_tools
from app.core.conversation import (
    Compaction,
    Conversation,
    HostedTool,
    Message,
    Summary,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

ASK = Message("user", (Text("Count."),))
RULE = Message("system", (Text("Be brief."),))
CALL = Message("assistant", (Text("I look."), ToolCall("t", "ls", {})))
RESULT = Message("user", (ToolResult("t", (Text("a b"),)), Text("a reminder")))
SAID = Message("assistant", (Text("Two."),))
MESSAGES = (ASK, CALL, RESULT, RULE, SAID)
SUMMARY = Summary("Two files.")
TOLD = Message("user", (Text(f"{HEAD}Two files."),))
NEXT = Message("user", (Text("Sure?"),))
CONVERSATION = Conversation(
    "m",
    MESSAGES,
    system="You count.",
    tools=(Tool("ls"),),
    hosted=(HostedTool("ls", "tool_search_bm25"),),
    deferred=(Tool("g"),),
    tool_choice=ToolChoice("tool", "ls"),
    json_schema={},
    max_tokens=5,
    stop_sequences=("x",),
    parallel_calls=False,
    session="s",
    compaction=Compaction(9),
)


def test_the_model_is_asked_behind_the_same_conversation() -> None:
    asked = asking(CONVERSATION)
    assert asked.messages == (*MESSAGES, Message("user", (Text(ASKED),)))
    assert asked.notes == ("compaction",)
    assert (asked.system, asked.tools, asked.session) == ("You count.", (Tool("ls"),), "s")


def test_nothing_shapes_the_summary_that_is_meant_for_the_answer() -> None:
    asked, plain = asking(CONVERSATION), Conversation("m", ())
    for name in ("tool_choice", "json_schema", "max_tokens", "stop_sequences", "parallel_calls"):
        assert getattr(asked, name) == getattr(plain, name), name
    assert (asked.hosted, asked.compaction) == ((), None)
    assert (without_tools(asked).tools, without_tools(asked).deferred) == ((), ())


def test_blank_instructions_are_none() -> None:
    own = asking(Conversation("m", (), compaction=Compaction(instructions="List names.")))
    assert own.messages[-1].parts == (Text("List names."),)
    blank = asking(Conversation("m", (), compaction=Compaction(instructions=" \n")))
    assert blank.messages[-1].parts == (Text(ASKED),)


def test_the_answer_goes_on_from_what_the_next_request_will_read() -> None:
    for keeps in (False, True):
        whole = CONVERSATION.messages
        begun = compacted(
            Conversation("m", whole, compaction=Compaction(9, keeps_asked=keeps)), SUMMARY
        )
        brought = (*whole, Message("assistant", (SUMMARY, Text("Yes."))), NEXT)
        read = from_summary(brought, keeps_asked=keeps)
        assert read[: len(begun.messages)] == begun.messages
        assert read[len(begun.messages) :] == (Message("assistant", (Text("Yes."),)), NEXT)
        assert begun.compaction is None


def test_a_summary_stands_for_all_before_it() -> None:
    brought = (*MESSAGES, Message("assistant", (Text("lost"), SUMMARY)), NEXT)
    assert from_summary(brought, keeps_asked=False) == (TOLD, NEXT)


def test_or_for_what_the_user_did_not_ask() -> None:
    older = Message("user", (Summary("Older."),))
    brought = (ASK, older, *MESSAGES[1:], Message("user", (SUMMARY,)), NEXT)
    assert from_summary(brought, keeps_asked=True) == (ASK, RULE, TOLD, NEXT)


def test_the_last_summary_counts_and_one_without_text_does_not() -> None:
    older = Message("assistant", (Summary("Older."), Text("Hm.")))
    empty = Message("assistant", (Summary(None),))
    read = from_summary((ASK, older, SAID, Message("user", (SUMMARY,)), empty), keeps_asked=False)
    assert read == (TOLD, empty)


def test_without_a_summary_nothing_changes() -> None:
    assert from_summary(MESSAGES, keeps_asked=False) == MESSAGES
