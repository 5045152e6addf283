"""Images and binary documents: how many are sent, and where.

The service takes them in the message only: what stands in a tool result is lifted out of it, and a
line in its place says so. What is too much is replaced by a line, oldest first, so that the model
knows what it does not see and the conversation can go on.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import is_
from typing import TypeAlias

from app.core.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Part,
    ResultPart,
    Text,
    ToolCall,
    ToolResult,
)
from app.core.signatures import decoded_size

from .edit import map_messages, map_values, with_content, with_messages, with_parts

MAX_IMAGES = 10
"""Per message, also in the history (service model)."""
MAX_IMAGE_BYTES = 3_750_000
"""Decoded, of all images of a request (of an open gateway; no official number is known)."""
MAX_DOCUMENTS = 5
"""In the whole request. Sources differ on whether the service counts per message or per
conversation (public gateways; the Kiro IDE's release notes), so the lower reading applies.
"""

LIFTED_IMAGE = Text("[image: attached to this message]")
TOO_MANY_IMAGES = Text(f"[image left out: only {MAX_IMAGES} can be sent in one message]")
REFUSED_IMAGE = Text("[image left out: the service refused it]")
NO_IMAGES = Text("[image left out: this model reads no images]")

Attachment: TypeAlias = Image | Document
Lines: TypeAlias = Callable[[Attachment], Text]


def is_document(part: Part) -> bool:
    """Whether the part is a binary document; the text of others is written into the message."""
    return type(part) is Document and part.text is None


def is_image(part: Part) -> bool:
    """Whether the part is an image."""
    return type(part) is Image


def map_inner(conversation: Conversation, change: Callable[[ResultPart], Part]) -> Conversation:
    """Apply ``change`` to every part and to every part of a tool result, in order."""

    def in_part(part: Part) -> Part:
        if isinstance(part, ToolResult):
            return with_content(part, map_values(part.content, change))  # type: ignore[arg-type]
        return change(part)  # type: ignore[arg-type]

    return map_messages(
        conversation, lambda message: with_parts(message, map_values(message.parts, in_part))
    )


def inner_parts(message: Message) -> Iterator[Part]:
    """The parts that :func:`map_inner` changes, in the same order."""
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield from part.content
        else:
            yield part


# How many


def describe_images(conversation: Conversation) -> Conversation:
    """Replace every image by a line, for a model that reads none."""
    return map_inner(conversation, lambda part: NO_IMAGES if is_image(part) else part)


def describe_tool_images(conversation: Conversation, messages: int) -> Conversation:
    """Replace the images in tool results of the first ``messages`` messages by a line: the service
    refused one of the request, and the client cannot take back what a tool made.
    """

    def in_result(part: Part) -> Part:
        if not isinstance(part, ToolResult):
            return part
        images = map_values(part.content, lambda inner: REFUSED_IMAGE if is_image(inner) else inner)
        return with_content(part, images)

    first = tuple(
        with_parts(message, map_values(message.parts, in_result))
        for message in conversation.messages[:messages]
    )
    if all(map(is_, first, conversation.messages)):
        return conversation
    return with_messages(conversation, (*first, *conversation.messages[messages:]))


def limit_images(conversation: Conversation, most_bytes: int) -> Conversation:
    """Keep the newest images of each message, and of all messages those that fit ``most_bytes``."""
    lines: list[Text | None] = []
    left = most_bytes
    for message in reversed(conversation.messages):
        images = [part for part in inner_parts(message) if isinstance(part, Image)]
        for newer, image in enumerate(reversed(images)):
            if newer >= MAX_IMAGES:
                lines.append(TOO_MANY_IMAGES)
                continue
            left -= decoded_size(image.data)
            lines.append(None if left >= 0 else _too_large(most_bytes))
    return _left_out(conversation, is_image, lines)


def _too_large(most_bytes: int) -> Text:
    return Text(f"[image left out: newer images take up the {most_bytes} bytes of one request]")


def limit_documents(conversation: Conversation, earlier: bool) -> Conversation:
    """Keep the newest documents; without ``earlier``, only those of the last message."""
    lines: list[Text | None] = []
    for newer, message in enumerate(reversed(conversation.messages)):
        documents = [part for part in inner_parts(message) if is_document(part)]
        for document in reversed(documents):
            fits = len(lines) < MAX_DOCUMENTS and (earlier or newer == 0)
            lines.append(None if fits else _document_left_out(document, earlier))
    return _left_out(conversation, is_document, lines)


def _document_left_out(document: Part, earlier: bool) -> Text:
    name = document.title if isinstance(document, Document) else ""
    sent = f"the newest {MAX_DOCUMENTS}" if earlier else "those of the last message"
    return Text(f'[document "{name}" left out: only {sent} can be sent]')


def _left_out(
    conversation: Conversation, chosen: Callable[[Part], bool], lines: Sequence[Text | None]
) -> Conversation:
    """Replace each chosen part by its line, if it has one; ``lines`` begin with the last part's."""
    if not any(lines):
        return conversation
    rest = list(lines)
    return map_inner(conversation, lambda part: (rest.pop() or part) if chosen(part) else part)


# Where


def lift_images(conversation: Conversation) -> Conversation:
    """Move images inside tool results to the message. They come after the message's own, in the
    order of the calls; the line in the result says which of the message's images it was.
    """
    return _Lifting(is_image, _line_of_image).all(conversation)


def _line_of_image(_: Part, number: int, of: int) -> Text:
    if of == 1:
        return LIFTED_IMAGE
    return Text(f"[image: number {number} of the {of} attached to this message]")


def lift_documents(conversation: Conversation) -> Conversation:
    """Move binary documents inside tool results to the message, as images are moved."""
    return _Lifting(is_document, _line_of_document).all(conversation)


def _line_of_document(document: Part, number: int, of: int) -> Text:
    name = document.title if isinstance(document, Document) else ""
    return Text(f'[document "{name}": attached to this message]')


class _Lifting:
    """Moves the parts that are ``chosen`` out of the results of one message after the other.
    ``line``: what takes the place of a part that becomes the message's n-th of so many.
    """

    def __init__(
        self, chosen: Callable[[Part], bool], line: Callable[[Part, int, int], Text]
    ) -> None:
        self._chosen = chosen
        self._line = line
        self._order: dict[str, int] = {}  # of the calls in the turn before

    def all(self, conversation: Conversation) -> Conversation:
        return map_messages(conversation, self._message)

    def _message(self, message: Message) -> Message:
        if message.role == "assistant":
            calls = (part.id for part in message.parts if isinstance(part, ToolCall))
            self._order = {call_id: number for number, call_id in enumerate(calls)}
            return message
        results = [part for part in message.parts if isinstance(part, ToolResult)]
        results = [result for result in results if any(map(self._chosen, result.content))]
        if not results:
            return message
        results.sort(key=lambda result: self._order.get(result.call_id, len(self._order)))
        total = sum(map(self._chosen, inner_parts(message)))
        lifted: list[Part] = []
        own = sum(map(self._chosen, message.parts))

        def lift(part: ResultPart) -> ResultPart:
            if not self._chosen(part):
                return part
            lifted.append(part)
            return self._line(part, own + len(lifted), total)

        changed = {
            id(result): with_content(result, map_values(result.content, lift)) for result in results
        }
        parts = tuple(changed.get(id(part), part) for part in message.parts)
        return Message(message.role, (*parts, *lifted))
