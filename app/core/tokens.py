"""Token counts: an estimate, and what the upstream said, which always goes before it.

There is no offline tokenizer for the models in use, so an estimate is one of size: 3.5 UTF-8 bytes
to a token, the ratio by which the official language servers budget. A Chinese character (three
bytes) comes out at 0.86 tokens. Nothing here reads a clock or counts twice: lengths are summed and
divided once.
"""

from math import ceil, isfinite
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from .conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Part,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from .events import Usage

BYTES_PER_TOKEN = 3.5
IMAGE_TOKENS = 1500
"""Anthropic counts width x height / 750 and scales larger images down to about 1.15 megapixels:
1,533 tokens. Screenshots reach that, so one figure for all of them is the top of the range.
"""
MESSAGE_TOKENS = 3
"""The role and the end of a turn; OpenAI documents three for its chat models."""

Source: TypeAlias = Literal["upstream", "context_percentage", "estimate"]

_encode = msgspec.json.Encoder().encode


class TokenCounts(Struct, frozen=True):
    """What a finished request is reported to have used.

    ``input_tokens`` does not include the cached ones. ``source`` is where ``input_tokens`` came
    from.
    """

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    credits: float | None = None
    source: Source = "estimate"


def estimate_text(n_bytes: int) -> int:
    """Tokens in that many bytes of UTF-8."""
    return ceil(n_bytes / BYTES_PER_TOKEN)


def byte_length(text: str) -> int:
    """Length in UTF-8; ASCII text, known as such by the interpreter, is not encoded for it."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def estimate_conversation(conversation: Conversation) -> int:
    """Tokens of the whole prompt: system text, tools and messages; at least 1."""
    size = byte_length(conversation.system)
    size += sum(map(_tool_bytes, conversation.tools))
    size += sum(map(_message_bytes, conversation.messages))
    images = sum(map(_count_images, conversation.messages))
    fixed = MESSAGE_TOKENS * len(conversation.messages) + IMAGE_TOKENS * images
    return max(1, estimate_text(size) + fixed)


def _tool_bytes(tool: Tool) -> int:
    return byte_length(tool.name) + byte_length(tool.description) + len(_encode(tool.schema))


def _message_bytes(message: Message) -> int:
    return sum(map(_part_bytes, message.parts))


def _part_bytes(part: Part) -> int:
    if isinstance(part, Text | Thinking):
        return byte_length(part.text)
    if isinstance(part, ToolResult):
        return sum(map(_part_bytes, part.content))
    if isinstance(part, ToolCall):
        return byte_length(part.name) + len(_encode(part.input))
    if isinstance(part, Document):
        return byte_length(part.text or "") + byte_length(part.title or "")
    return len(part.data) if isinstance(part, RedactedThinking) else 0


def _count_images(message: Message) -> int:
    count = 0
    for part in message.parts:
        if isinstance(part, Image):
            count += 1
        elif isinstance(part, ToolResult):
            count += sum(isinstance(inner, Image) for inner in part.content)
    return count


def resolve_usage(
    *, estimate: int, window: int | None, output_bytes: int, usage: Usage
) -> TokenCounts:
    """The counts to report: the upstream's where it gave them, else the best that can be known.

    ``estimate`` is that of the prompt, ``window`` the context window of the model that answered,
    both in tokens; ``output_bytes`` is the UTF-8 length of everything the model wrote; ``usage`` is
    what the upstream said so far, merged. Without a figure for the input it is what the upstream's
    percentage of the window leaves after the output. Cache figures are 0 unless the upstream gave
    them.
    """
    output = usage.output_tokens
    if output is None:
        output = estimate_text(output_bytes)
    tokens, source = _input_tokens(estimate, window, output, usage)
    return TokenCounts(
        tokens,
        output,
        usage.cache_read_tokens or 0,
        usage.cache_write_tokens or 0,
        usage.credits,
        source,
    )


def _input_tokens(
    estimate: int, window: int | None, output: int, usage: Usage
) -> tuple[int, Source]:
    if usage.input_tokens is not None:
        return usage.input_tokens, "upstream"
    percentage = usage.context_percentage
    if window and percentage is not None and isfinite(percentage):
        left = round(window * percentage / 100) - output
        if left > 0:
            return left, "context_percentage"
    return estimate, "estimate"
