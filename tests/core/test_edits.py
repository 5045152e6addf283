"""Edits of a conversation's history."""

from typing import Any

import pytest

from app.core.conversation import (
    Conversation,
    Message,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from app.core.edits import CLEARED, Applied, ClearThinking, ClearToolUses, edited
from app.core.tokens import estimate_conversation

LONG = "word " * 100


def use(number: int, name: str = "f", result: str = LONG) -> tuple[Message, Message]:
    call = ToolCall(str(number), name, {"n": number})
    said = Message("assistant", (Thinking(f"hm {number}", "s"), call))
    return said, Message("user", (ToolResult(str(number), (Text(result),)),))


def conversation(*messages: Message) -> Conversation:
    return Conversation("m", (Message("user", (Text("Go."),)), *messages))


USES = conversation(*(message for number in range(6) for message in use(number)))


def cleared(one: Conversation) -> list[str]:
    return [
        part.call_id
        for message in one.messages
        for part in message.parts
        if isinstance(part, ToolResult) and part.content == (CLEARED,)
    ]


def inputs(one: Conversation) -> dict[str, Any]:
    parts = [part for message in one.messages for part in message.parts]
    return {part.id: part.input for part in parts if isinstance(part, ToolCall)}


def clear(one: Conversation = USES, **members: Any) -> tuple[Conversation, tuple[Applied, ...]]:
    return edited(one, [ClearToolUses(**{"unit": "tool_uses", "trigger": 0, **members})])


def test_the_oldest_results_are_cleared_and_the_last_kept() -> None:
    shorter, (applied,) = clear()
    assert cleared(shorter) == ["0", "1", "2"]
    assert inputs(shorter) == inputs(USES)
    assert applied.cleared == 3
    assert applied.tokens == estimate_conversation(USES) - estimate_conversation(shorter) > 0


@pytest.mark.parametrize(("unit", "trigger"), [("tool_uses", 6), ("input_tokens", 10**6)])
def test_nothing_is_cleared_until_the_trigger_is_exceeded(unit: str, trigger: int) -> None:
    assert clear(unit=unit, trigger=trigger) == (USES, ())


def test_tokens_are_a_trigger_too() -> None:
    tokens = estimate_conversation(USES)
    assert clear(unit="input_tokens", trigger=tokens) == (USES, ())
    assert cleared(clear(unit="input_tokens", trigger=tokens - 1)[0]) == ["0", "1", "2"]


def test_nothing_is_cleared_for_less_than_it_is_to_save() -> None:
    saved = clear()[1][0].tokens
    assert clear(at_least=saved + 1) == (USES, ())
    assert cleared(clear(at_least=saved)[0]) == ["0", "1", "2"]


def test_excluded_tools_stay_and_do_not_use_up_what_is_kept() -> None:
    one = conversation(*use(0, "g"), *use(1), *use(2), *use(3, "g"), *use(4), *use(5))
    assert cleared(clear(one, exclude=frozenset({"g"}))[0]) == ["1"]
    assert cleared(clear(one, exclude=frozenset({"g"}), keep=0)[0]) == ["1", "2", "4"]


def test_results_that_the_model_has_not_seen_stay() -> None:
    shorter, _ = clear(keep=0)
    assert cleared(shorter) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("wanted", "empty"), [(True, {"0", "1"}), (frozenset({"g"}), {"1"}), (False, set())]
)
def test_inputs_are_cleared_where_that_is_asked(wanted: Any, empty: set[str]) -> None:
    one = conversation(*use(0), *use(1, "g"), *use(2))
    shorter, _ = clear(one, keep=1, inputs=wanted)
    assert {call for call, given in inputs(shorter).items() if not given} == empty
    assert cleared(shorter) == ["0", "1"]


def test_what_is_shorter_than_its_stand_in_stays() -> None:
    one = conversation(*use(0, result="ok"), *use(1), *use(2))
    shorter, (applied,) = clear(one, keep=1)
    assert (cleared(shorter), applied.cleared) == (["1"], 1)
    assert clear(shorter, keep=1) == (shorter, ()), "it is cleared once"


def test_messages_in_which_nothing_is_cleared_are_the_same_objects() -> None:
    shorter, _ = clear()
    same = [new is old for new, old in zip(shorter.messages, USES.messages, strict=True)]
    assert same.count(False) == 3


def test_a_longer_history_is_cleared_alike_up_to_what_has_become_old() -> None:
    shorter, _ = clear(keep=2)
    longer = conversation(*USES.messages[1:], *use(6), *use(7))
    assert clear(longer, keep=4)[0].messages[: len(USES.messages)] == shorter.messages


def thoughts(one: Conversation) -> list[str]:
    parts = [part for message in one.messages for part in message.parts]
    return [part.text for part in parts if isinstance(part, Thinking)]


TURNS = conversation(
    *use(0),
    *use(1),
    Message("assistant", (RedactedThinking("eA=="),)),
    Message("user", (Text("And?"),)),
    Message("assistant", (Text("No thought."),)),
    Message("user", (Text("More."),)),
    *use(2),
    Message("assistant", (Thinking("last", "s"), Text("Done."))),
)


@pytest.mark.parametrize(
    ("keep", "left", "turns"),
    [
        (1, ["hm 2", "last"], 1),
        (2, ["hm 0", "hm 1", "hm 2", "last"], 0),
        (None, ["hm 0", "hm 1", "hm 2", "last"], 0),
    ],
)
def test_reasoning_of_the_last_turns_that_have_any_is_kept(
    keep: int | None, left: list[str], turns: int
) -> None:
    shorter, applied = edited(TURNS, [ClearThinking(keep)])
    assert thoughts(shorter) == left
    assert sum(each.cleared for each in applied) == turns
    assert (shorter is TURNS) == (not turns)


def test_a_message_of_nothing_but_cleared_reasoning_goes() -> None:
    shorter, _ = edited(TURNS, [ClearThinking(1)])
    assert len(shorter.messages) == len(TURNS.messages) - 1
    assert all(message.parts for message in shorter.messages)


def test_edits_are_applied_in_their_order() -> None:
    shorter, applied = edited(TURNS, [ClearThinking(1), ClearToolUses("tool_uses", 0, 1)])
    assert [type(each.edit) for each in applied] == [ClearThinking, ClearToolUses]
    assert cleared(shorter) == ["0", "1"]
