"""Edits that keep the identity of whatever they leave alone, so that nothing is copied for nothing
and a rule can tell that it did nothing.
"""

from collections.abc import Callable, Iterable
from operator import is_
from typing import TypeVar

from msgspec.structs import replace

from app.core.conversation import Conversation, Message, Part, Text, Tool

_T = TypeVar("_T")
_P = TypeVar("_P", bound=Part)


def map_values(values: tuple[_T, ...], change: Callable[[_T], _T | None]) -> tuple[_T, ...]:
    """``change`` applied to every value, None dropping it; ``values`` itself if nothing differs."""
    changed = [change(value) for value in values]
    if all(map(is_, changed, values)):
        return values
    return tuple(value for value in changed if value is not None)


def map_messages(
    conversation: Conversation, change: Callable[[Message], Message | None]
) -> Conversation:
    """The conversation with every message changed."""
    return with_messages(conversation, map_values(conversation.messages, change))


def map_parts(
    conversation: Conversation, kind: type[_P], change: Callable[[_P], Part | None]
) -> Conversation:
    """The conversation with every part of one kind changed."""

    def in_message(message: Message) -> Message:
        for part in message.parts:
            if type(part) is kind:
                return with_parts(message, map_values(message.parts, in_part))
        return message

    def in_part(part: Part) -> Part | None:
        return change(part) if isinstance(part, kind) else part

    return map_messages(conversation, in_message)


def map_tools(conversation: Conversation, change: Callable[[Tool], Tool | None]) -> Conversation:
    """The conversation with every tool changed."""
    tools = map_values(conversation.tools, change)
    return conversation if tools is conversation.tools else replace(conversation, tools=tools)


def with_messages(conversation: Conversation, messages: Iterable[Message]) -> Conversation:
    """The conversation with other messages; itself if they are its own."""
    if messages is conversation.messages:
        return conversation
    return replace(conversation, messages=tuple(messages))


def with_parts(message: Message, parts: tuple[Part, ...]) -> Message:
    """The message with other parts; itself if they are its own."""
    return message if parts is message.parts else Message(message.role, parts)


def system_text(text: str) -> Text:
    """Text that is not the user's, in a user's turn."""
    return Text(f"<system>\n{text}\n</system>")


def append_directive(conversation: Conversation, text: str) -> Conversation:
    """The conversation with a directive at the end of its last turn, which must be the user's.

    There, and not in the system text: what is asked for may change from request to request, and
    what comes before it stays a prefix that a cache of prompts knows.
    """
    last = conversation.messages[-1]
    last = Message(last.role, (*last.parts, system_text(text)))
    return with_messages(conversation, (*conversation.messages[:-1], last))
