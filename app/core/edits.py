"""Edits that a client has made on its conversation before the model sees it: the oldest results of
tools are cleared, or the oldest reasoning.

The client keeps sending the whole conversation, so each request is edited anew. What is cleared is
the same as long as the conversation only grows, up to what has become old since.

Source: Anthropic's documentation of context editing.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import is_
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from .conversation import (
    Conversation,
    Message,
    Part,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from .tokens import estimate_conversation

CLEARED = Text("[This old result of the tool was cleared to save context.]")
"""What the model reads instead of a result."""


class ClearToolUses(Struct, frozen=True):
    """Clear the results of all tool calls but the last ``keep``, and with ``inputs`` also what the
    tools were called with, of all tools or of those named. Results that the model has not seen yet
    stay.

    It is done once the conversation has more than ``trigger`` of ``unit``, and only if that saves
    ``at_least`` tokens. Calls of ``exclude`` stay as they are, and are not counted in ``keep``.
    """

    unit: Literal["input_tokens", "tool_uses"] = "input_tokens"
    trigger: int = 100_000
    keep: int = 3
    at_least: int = 0
    exclude: frozenset[str] = frozenset()
    inputs: bool | frozenset[str] = False


class ClearThinking(Struct, frozen=True):
    """Remove the reasoning of all turns but the last ``keep`` that have any; None keeps all. A turn
    goes from one message of the user to the next, with the calls and results between them.
    """

    keep: int | None = 1


Edit: TypeAlias = ClearToolUses | ClearThinking


class Applied(Struct, frozen=True):
    """What an edit has cleared: tool uses or turns, and about how many tokens they had."""

    edit: Edit
    cleared: int
    tokens: int


def edited(
    conversation: Conversation, edits: Sequence[Edit]
) -> tuple[Conversation, tuple[Applied, ...]]:
    """The conversation after these edits, one after the other, and those that cleared something."""
    applied = []
    for edit in edits:
        messages, cleared = _EDITORS[type(edit)](conversation, edit)
        if not cleared:
            continue
        shorter = replace(conversation, messages=messages)
        saved = max(0, estimate_conversation(conversation) - estimate_conversation(shorter))
        if saved >= getattr(edit, "at_least", 0):
            conversation = shorter
            applied.append(Applied(edit, cleared, saved))
    return conversation, tuple(applied)


Edited: TypeAlias = tuple[tuple[Message, ...], int]
"""The messages after an edit, and how much it has cleared."""


def _without_tool_uses(conversation: Conversation, edit: ClearToolUses) -> Edited:
    calls = {call.id: call for call in _calls(conversation.messages)}
    if not _is_over(conversation, edit, len(calls)):
        return conversation.messages, 0
    seen = _seen(conversation.messages)
    old = [
        part.call_id
        for message in conversation.messages[:seen]
        for part in message.parts
        if isinstance(part, ToolResult) and part.call_id in calls
    ]
    unseen = sum(
        isinstance(part, ToolResult)
        for message in conversation.messages[seen:]
        for part in message.parts
    )
    clearable = [each for each in old if calls[each].name not in edit.exclude]
    kept = max(0, edit.keep - unseen)
    chosen = {each: _clears_input(calls[each], edit) for each in clearable[: len(clearable) - kept]}
    cleared = set[str]()

    def change(part: Part) -> Part:
        if isinstance(part, ToolResult) and part.call_id in chosen and _is_longer(part):
            cleared.add(part.call_id)
            return ToolResult(part.call_id, (CLEARED,), part.is_error)
        if isinstance(part, ToolCall) and chosen.get(part.id):
            cleared.add(part.id)
            return ToolCall(part.id, part.name, {})
        return part

    return _changed(conversation.messages, change), len(cleared)


def _is_over(conversation: Conversation, edit: ClearToolUses, uses: int) -> bool:
    if edit.unit == "tool_uses":
        return uses > edit.trigger
    return uses > 0 and estimate_conversation(conversation) > edit.trigger


def _calls(messages: Sequence[Message]) -> Iterator[ToolCall]:
    return (part for message in messages for part in message.parts if isinstance(part, ToolCall))


def _seen(messages: Sequence[Message]) -> int:
    """How many messages the model has answered: those before its last one."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role == "assistant":
            return index
    return 0


def _clears_input(call: ToolCall, edit: ClearToolUses) -> bool:
    wanted = edit.inputs if isinstance(edit.inputs, bool) else call.name in edit.inputs
    return wanted and bool(call.input)


def _is_longer(result: ToolResult) -> bool:
    """Than what would stand for it: clearing a short one would save nothing."""
    return (
        any(
            not isinstance(part, Text) or len(part.text) > len(CLEARED.text)
            for part in result.content
        )
        or len(result.content) > 1
    )


def _changed(messages: Sequence[Message], change: Callable[[Part], Part]) -> tuple[Message, ...]:
    """The messages with changed parts; those in which nothing changed are the same objects."""
    changed = []
    for message in messages:
        parts = tuple(map(change, message.parts))
        is_same = all(map(is_, parts, message.parts))
        changed.append(message if is_same else Message(message.role, parts))
    return tuple(changed)


def _without_thinking(conversation: Conversation, edit: ClearThinking) -> Edited:
    if edit.keep is None:
        return conversation.messages, 0
    turns = list(dict.fromkeys(_thinking_turns(conversation.messages)))
    old = set(turns[: max(0, len(turns) - edit.keep)])
    if not old:
        return conversation.messages, 0
    messages = []
    for message, turn in zip(
        conversation.messages, _turn_numbers(conversation.messages), strict=True
    ):
        if turn in old and any(map(_is_thinking, message.parts)):
            parts = tuple(part for part in message.parts if not _is_thinking(part))
            if parts:
                messages.append(Message(message.role, parts))
        else:
            messages.append(message)
    return tuple(messages), len(old)


def _turn_numbers(messages: Sequence[Message]) -> Iterator[int]:
    """For each message the number of its turn."""
    number = 0
    for message in messages:
        asks = not any(isinstance(part, ToolResult) for part in message.parts)
        number += message.role == "user" and asks
        yield number


def _thinking_turns(messages: Sequence[Message]) -> Iterator[int]:
    for message, turn in zip(messages, _turn_numbers(messages), strict=True):
        if any(map(_is_thinking, message.parts)):
            yield turn


def _is_thinking(part: Part) -> bool:
    return isinstance(part, Thinking | RedactedThinking)


_EDITORS: dict[type, Callable[[Conversation, Any], Edited]] = {
    ClearToolUses: _without_tool_uses,
    ClearThinking: _without_thinking,
}
