"""Edits that return unchanged values as the same objects, so that nothing is copied needlessly and
a rule's result shows whether the rule changed anything.
"""

from collections.abc import Callable, Iterable
from operator import is_
from typing import TypeVar

from msgspec.structs import replace

from app.core.conversation import Conversation, Message, Part, ResultPart, Text, Tool, ToolResult

_T = TypeVar("_T")
_P = TypeVar("_P", bound=Part)


def map_values(values: tuple[_T, ...], change: Callable[[_T], _T | None]) -> tuple[_T, ...]:
    """Apply ``change`` to every value; None drops the value. Returns ``values`` itself if nothing
    changed.
    """
    changed = [change(value) for value in values]
    if all(map(is_, changed, values)):
        return values
    return tuple(value for value in changed if value is not None)


def map_messages(
    conversation: Conversation, change: Callable[[Message], Message | None]
) -> Conversation:
    """Apply ``change`` to every message; None drops the message."""
    return with_messages(conversation, map_values(conversation.messages, change))


def map_parts(
    conversation: Conversation, kind: type[_P], change: Callable[[_P], Part | None]
) -> Conversation:
    """Apply ``change`` to every part of one type; None drops the part."""

    def in_message(message: Message) -> Message:
        for part in message.parts:
            if type(part) is kind:
                return with_parts(message, map_values(message.parts, in_part))
        return message

    def in_part(part: Part) -> Part | None:
        return change(part) if isinstance(part, kind) else part

    return map_messages(conversation, in_message)


def map_tools(conversation: Conversation, change: Callable[[Tool], Tool | None]) -> Conversation:
    """Apply ``change`` to every tool; None drops the tool."""
    tools = map_values(conversation.tools, change)
    return conversation if tools is conversation.tools else replace(conversation, tools=tools)


def with_messages(conversation: Conversation, messages: Iterable[Message]) -> Conversation:
    """The conversation with these messages; the same object if they are its own."""
    if messages is conversation.messages:
        return conversation
    return replace(conversation, messages=tuple(messages))


def with_content(result: ToolResult, content: tuple[ResultPart, ...]) -> ToolResult:
    """The tool result with this content; the same object if it is its own."""
    return result if content is result.content else replace(result, content=content)


def with_parts(message: Message, parts: tuple[Part, ...]) -> Message:
    """The message with these parts; the same object if they are its own."""
    return message if parts is message.parts else Message(message.role, parts)


def system_text(text: str) -> Text:
    """Text for a user's turn that the user did not write, marked as such."""
    return Text(f"<system>\n{text}\n</system>")


def append_directive(conversation: Conversation, text: str) -> Conversation:
    """Add a directive at the end of the last turn, which must be the user's.

    It is not added to the system text, since it may change from request to request: at the end it
    leaves the rest of the prompt a prefix that a prompt cache can reuse.
    """
    last = conversation.messages[-1]
    last = Message(last.role, (*last.parts, system_text(text)))
    return with_messages(conversation, (*conversation.messages[:-1], last))
