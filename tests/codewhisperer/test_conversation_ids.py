"""The ids of a conversation: the same from turn to turn, and apart where the prompts are.

docs/upstream.md: The cache of GPT models is keyed by the conversation's id
"""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.codewhisperer.conversation_ids import ConversationIds, conversation_ids
from app.core.conversation import Conversation, Message, Text, Tool, ToolCall, ToolResult
from tests.codewhisperer.request.test_render import body, user

SECRET = "sk-ant-secret-session"
HELLO = Message("user", (Text("Hello"),))
CALL = Message("assistant", (ToolCall("t", "Read", {}),))
RESULT = Message("user", (ToolResult("t", (Text("text"),)), Text("<system-reminder>")))
ANSWER = Message("assistant", (Text("Hi"),))
THANKS = Message("user", (Text("Thanks"),))
READ = (Tool("Read"),)


def ids(*messages: Message, family: str = "claude", **members: Any) -> ConversationIds:
    given = {"tools": READ, "system": "You are an agent.", **members}
    return conversation_ids(Conversation("m", messages or (HELLO,), **given), family)


def own(*messages: Message, **members: Any) -> str:
    return ids(*messages, **members).own


@pytest.mark.parametrize("session", ["s", ""])
def test_all_turns_of_a_conversation_have_one_id(session: str) -> None:
    turns = (HELLO, CALL, RESULT, ANSWER, THANKS)
    found = {own(*turns[:count], session=session) for count in (1, 3, 5)}
    assert len(found) == 1
    assert UUID(found.pop()).version == 5


def test_a_session_keeps_its_id_when_its_prompt_changes() -> None:
    first = own(session="s", system="It is Monday.")
    assert first == own(THANKS, session="s", system="It is Tuesday.", tools=(Tool("Write"),))
    assert first == own(HELLO, CALL, RESULT, session="s", tools=())  # a last turn without tools


def test_sessions_agents_and_families_have_ids_of_their_own() -> None:
    every = [own(session=name) for name in ("", "s", "t", "s/agent")]
    every += [own(session="s", family=family) for family in ("gpt", "kimi")]
    assert len(set(every)) == len(every)


@pytest.mark.parametrize(
    "aside",
    [
        {"system": "Generate a title."},  # what Claude Code and OpenCode ask beside the work
        {"system": "", "max_tokens": 1},  # a check of the quota, or of a model's name
    ],
)
def test_a_request_on_the_side_does_not_share_the_id(aside: dict[str, Any]) -> None:
    assert own(session="s", tools=(), **aside) != own(session="s")


def test_requests_on_the_side_have_one_id_for_each_kind() -> None:
    title = own(session="s", tools=(), system="Generate a title.")
    assert title == own(THANKS, session="s", tools=(), system="Generate a title.")
    assert title != own(session="s", tools=(), system="Summarise.")


def test_without_a_session_the_beginning_tells_conversations_apart() -> None:
    assert own() == own(HELLO, ANSWER, THANKS)
    assert own() != own(THANKS)
    assert own() != own(system="You are another agent.")
    assert own(Message("assistant", (Text("Hi"),)), HELLO) == own(HELLO)
    assert own(Message("assistant", (Text("Hi"),)))


def test_a_sub_agent_names_the_conversation_that_started_it() -> None:
    found = ids(session="s/agent", root="s")
    assert found.root == own(session="s")
    assert found.root != found.own
    assert ids(session="s").root == ""


def test_a_turn_of_the_user_continues_until_the_next() -> None:
    asked = ids(HELLO, session="s").continuation
    assert ids(HELLO, CALL, RESULT, session="s").continuation == asked
    assert ids(HELLO, CALL, RESULT, ANSWER, THANKS, session="s").continuation != asked
    assert ids(HELLO, session="t").continuation != asked
    assert ids(RESULT, session="s").continuation


def test_an_id_does_not_show_what_it_is_made_of() -> None:
    found = ids(session=SECRET, root=SECRET)
    assert SECRET not in repr(msgspec.structs.asdict(found))


def test_only_the_newest_hosts_get_the_agents_members() -> None:
    """docs/upstream.md: The newest hosts take agentMode and the ids of agents"""
    more = {"continuation_id": "c", "root_id": "r"}
    newest = body(user("a"), generation="kiro", **more)
    state = newest["conversationState"]
    assert newest["agentMode"] == "vibe"
    assert (state["agentContinuationId"], state["rootConversationId"]) == ("c", "r")
    older = body(user("a"), generation="q", **more)
    members = {*older, *older["conversationState"]}
    assert not members & {"agentMode", "agentContinuationId", "rootConversationId"}
    assert "rootConversationId" not in body(user("a"), generation="kiro")["conversationState"]
