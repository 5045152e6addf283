"""Parts of a message that the service does not accept, or not in that place or number."""

from msgspec.structs import replace

from app.core.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Part,
    RedactedThinking,
    ResultPart,
    Text,
    Thinking,
    ToolResult,
)
from app.core.media import decoded_size

from .edit import map_messages, map_parts, map_values, with_parts

MAX_IMAGES = 10
"""Per message, also in the history (service model)."""
MAX_IMAGE_BYTES = 2_800_000
"""Decoded (service model)."""

NO_OUTPUT = Text("(no output)")
LIFTED = Text("[image: attached to this message]")
TOO_MANY = Text(f"[image left out: only {MAX_IMAGES} can be sent in one message]")


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


def describe_documents(conversation: Conversation) -> Conversation:
    """Replace a binary document, which the service does not accept, by a text that says so."""
    conversation = map_parts(conversation, Document, _described)
    return map_parts(
        conversation,
        ToolResult,
        lambda result: _with_content(
            result,
            map_values(result.content, lambda p: _described(p) if isinstance(p, Document) else p),
        ),
    )


def _described(document: Document) -> Document | Text:
    if document.text is not None:
        return document
    kind = "PDF" if document.media_type == "application/pdf" else document.media_type
    heading = f"# {document.title}\n\n" if document.title else ""
    return Text(f"{heading}[{kind} not readable here: {document.size} bytes]")


def _with_content(result: ToolResult, content: tuple[ResultPart, ...]) -> ToolResult:
    return result if content is result.content else replace(result, content=content)


def lift_images(conversation: Conversation) -> Conversation:
    """Move images inside a tool result to the message, the only place the service accepts them."""
    return map_messages(conversation, _lifted)


def _lifted(message: Message) -> Message:
    images = [
        inner
        for part in message.parts
        if isinstance(part, ToolResult)
        for inner in part.content
        if isinstance(inner, Image)
    ]
    if not images:
        return message
    parts = map_values(message.parts, _without_images)
    return Message(message.role, (*parts, *images))


def _without_images(part: Part) -> Part:
    if not isinstance(part, ToolResult):
        return part
    return _with_content(
        part, map_values(part.content, lambda inner: LIFTED if isinstance(inner, Image) else inner)
    )


def limit_images(conversation: Conversation) -> Conversation:
    """Replace images that are too large, and the oldest of too many, by a text that says so."""
    return map_messages(conversation, _with_few_images)


def _with_few_images(message: Message) -> Message:
    parts = map_values(message.parts, _text_for_unfit)
    surplus = sum(isinstance(part, Image) for part in parts) - MAX_IMAGES

    def change(part: Part) -> Part:
        nonlocal surplus
        if surplus <= 0 or not isinstance(part, Image):
            return part
        surplus -= 1
        return TOO_MANY

    return with_parts(message, map_values(parts, change))


def _text_for_unfit(part: Part) -> Part:
    if not isinstance(part, Image):
        return part
    size = decoded_size(part.data)
    if 0 < size <= MAX_IMAGE_BYTES:
        return part
    return Text(f"[image left out: {size} bytes, of which 1 to {MAX_IMAGE_BYTES} can be sent]")


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
    return isinstance(part, Image) or bool(part.text or part.title)
