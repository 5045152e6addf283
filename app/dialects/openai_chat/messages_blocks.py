"""Content blocks of Anthropic Messages, which Cursor sends here for models with Claude's names:
they are read as what they are, and noted.

Source: public reports of CLIProxyAPI and LiteLLM.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from app.core.conversation import (
    Part,
    RedactedThinking,
    Remote,
    ResultPart,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from app.core.media import MediaError, image
from app.core.typed_json import FieldError, Id, Name, Record, Tagged
from app.dialects.openai import dotted, is_remote

NOTE = "messages_block_read"


class TextBlock(Tagged, frozen=True, tag="text"):
    text: str


class Source(Struct, frozen=True):
    """The format of an image is that of its bytes."""

    type: Name
    media_type: str | None = None
    data: str | None = None
    url: str | None = None


class ImageBlock(Tagged, frozen=True, tag="image"):
    source: Source


class ThinkingBlock(Tagged, frozen=True, tag="thinking"):
    thinking: str
    signature: str = ""


class RedactedThinkingBlock(Tagged, frozen=True, tag="redacted_thinking"):
    data: str


class ToolUseBlock(Tagged, frozen=True, tag="tool_use"):
    id: Id
    name: Name
    input: dict[str, Any]


class ToolResultBlock(Tagged, frozen=True, tag="tool_result"):
    tool_use_id: Id
    content: str | list[TextBlock | ImageBlock] | None = None
    is_error: bool | None = None


AssistantBlock: TypeAlias = ThinkingBlock | RedactedThinkingBlock | ToolUseBlock
UserBlock: TypeAlias = ImageBlock | ToolResultBlock


def read(block: Any, record: Record) -> Part:
    """The part that a block is. Raises :class:`FieldError` with the path inside it."""
    record.note(NOTE)
    return _READERS[type(block)](block, record)


def _image(block: ImageBlock, record: Record) -> ResultPart:
    if is_remote(block.source.url or ""):
        place = dotted((*record.place, "source", "url"))
        return Remote(block.source.url or "", "image", place)
    if block.source.data is None:
        raise FieldError(("source",), f"images by {block.source.type} cannot be read; send base64")
    try:
        return image(block.source.data)
    except MediaError as error:
        raise FieldError(("source", "data"), str(error)) from None


def _image_in_result(block: ImageBlock, record: Record) -> ResultPart:
    """As elsewhere, but the model is told of an image that cannot be sent."""
    try:
        return _image(block, record)
    except FieldError as error:
        record.note("image_as_text")
        return Text(f"[image left out: {error.problem}]")


def _tool_result(block: ToolResultBlock, record: Record) -> Part:
    return ToolResult(block.tool_use_id, _result(block.content or (), record), bool(block.is_error))


def _result(
    content: str | Sequence[TextBlock | ImageBlock], record: Record
) -> tuple[ResultPart, ...]:
    if isinstance(content, str):
        return (Text(content),)
    return tuple(
        Text(block.text) if isinstance(block, TextBlock) else _image_in_result(block, record)
        for block in content
    )


_READERS: dict[type, Callable[[Any, Record], Part]] = {
    ImageBlock: _image,
    ThinkingBlock: lambda block, _: Thinking(block.thinking, block.signature),
    RedactedThinkingBlock: lambda block, _: RedactedThinking(block.data),
    ToolUseBlock: lambda block, _: ToolCall(block.id, block.name, block.input),
    ToolResultBlock: _tool_result,
}
