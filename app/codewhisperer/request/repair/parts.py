"""Reasoning that the service does not accept back, and tool results without content."""

from msgspec.structs import replace

from app.core.conversation import (
    Conversation,
    Document,
    Message,
    Part,
    RedactedThinking,
    ResultPart,
    Text,
    Thinking,
    ToolResult,
)

from .edit import map_messages, map_parts, map_values, with_parts

NO_OUTPUT = Text("(no output)")


def drop_unsigned_thinking(conversation: Conversation) -> Conversation:
    """Drop reasoning without the upstream's signature, which the service does not accept back."""
    return map_parts(conversation, Thinking, lambda part: part if part.signature else None)


def drop_thinking(conversation: Conversation) -> Conversation:
    """Drop all reasoning of earlier turns."""
    conversation = map_parts(conversation, Thinking, lambda _: None)
    return map_parts(conversation, RedactedThinking, lambda _: None)


def keep_last_thinking(conversation: Conversation) -> Conversation:
    """Keep the last reasoning block of each message, nearest to the content it led to: a message
    can hold only one.
    """
    return map_messages(conversation, _with_last_thinking)


def _with_last_thinking(message: Message) -> Message:
    surplus = sum(isinstance(part, Thinking | RedactedThinking) for part in message.parts) - 1

    def change(part: Part) -> Part | None:
        nonlocal surplus
        if surplus <= 0 or not isinstance(part, Thinking | RedactedThinking):
            return part
        surplus -= 1
        return None

    return with_parts(message, map_values(message.parts, change))


def fill_empty_results(conversation: Conversation) -> Conversation:
    """Give an empty tool result a text that says it is empty."""
    return map_parts(conversation, ToolResult, _filled)


def _filled(result: ToolResult) -> ToolResult:
    for part in result.content:
        if _has_content(part):
            return result
    return replace(result, content=(NO_OUTPUT,))


def _has_content(part: ResultPart) -> bool:
    if isinstance(part, Text):
        return part.text != ""
    return not isinstance(part, Document) or bool(part.text or part.title)
