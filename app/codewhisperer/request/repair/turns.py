"""Turns: user and assistant alternate, the user comes first and last, and no turn is empty."""

from itertools import groupby, pairwise
from operator import attrgetter

from app.core.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Text,
    ToolCall,
    ToolResult,
    as_one,
)

from .edit import map_messages, system_text, with_messages

EMPTY = "…"
ONLY_IMAGES = "(image)"
ONLY_DOCUMENTS = "(document)"
BEGIN = "(The conversation begins with the assistant's message.)"
CONTINUE = (
    "Continue your last message exactly where it stopped. Give only what comes next: repeat none "
    "of it and put nothing before it."
)


def fold_system_messages(conversation: Conversation) -> Conversation:
    """Turn a system message into marked text in the user's turn next to it."""
    if all(message.role != "system" for message in conversation.messages):
        return conversation
    return merge_turns(map_messages(conversation, _as_user))


def _as_user(message: Message) -> Message | None:
    if message.role != "system":
        return message
    text = "\n\n".join(part.text for part in message.parts if isinstance(part, Text) and part.text)
    others = tuple(part for part in message.parts if not isinstance(part, Text))
    parts = (system_text(text), *others) if text else others
    return Message("user", parts) if parts else None


def merge_turns(conversation: Conversation) -> Conversation:
    """Join consecutive turns of the same role."""
    messages = conversation.messages
    if all(first.role != second.role for first, second in pairwise(messages)):
        return conversation
    runs = groupby(messages, key=attrgetter("role"))
    return with_messages(conversation, [as_one([*run]) for _, run in runs])


def open_with_user(conversation: Conversation) -> Conversation:
    """Insert a user's turn if the assistant comes first or there is no turn at all."""
    messages = conversation.messages
    if messages and messages[0].role == "user":
        return conversation
    opening = Message("user", (Text(BEGIN if messages else EMPTY),))
    return with_messages(conversation, (opening, *messages))


def continue_prefill(conversation: Conversation) -> Conversation:
    """If the assistant's turn is last (a prefill), add a user's turn that asks to continue it."""
    if conversation.messages[-1].role == "user":
        return conversation
    request = Message("user", (Text(CONTINUE),))
    return with_messages(conversation, (*conversation.messages, request))


def fill_empty(conversation: Conversation) -> Conversation:
    """Add a filler text to empty turns; the service rejects empty content."""
    return map_messages(conversation, _filled)


def _filled(message: Message) -> Message:
    for part in message.parts:
        kind = type(part)
        if kind is ToolCall or kind is ToolResult:
            return message
        if isinstance(part, Text) and part.text:
            return message
        if isinstance(part, Document) and part.text is not None and (part.text or part.title):
            return message
    return Message(message.role, (*message.parts, Text(_filler(message))))


def _filler(message: Message) -> str:
    kinds = {type(part) for part in message.parts}
    return ONLY_IMAGES if Image in kinds else ONLY_DOCUMENTS if Document in kinds else EMPTY
