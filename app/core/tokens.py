"""Token counts: an estimate, and what the upstream said, which always goes before it.

There is no offline tokenizer for the models in use, so an estimate is one of size: 3.5 UTF-8 bytes
to a token, the ratio by which the official language servers budget. A Chinese character (three
bytes) comes out at 0.86 tokens. Nothing here reads a clock or counts twice: lengths are summed and
divided once.
"""

from collections.abc import Sequence
from math import ceil, isfinite
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Raw, Struct

from .conversation import (
    Conversation,
    Document,
    Image,
    Message,
    RedactedThinking,
    Text,
    Thinking,
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


def _sent_length(text: str) -> int:
    """Length in UTF-8 of text that is yet to be sent. ``Raw`` keeps what it encodes in the string
    itself, where the encoder of the request finds it.
    """
    if text.isascii():
        return len(text)
    try:
        return memoryview(Raw(text)).nbytes
    except UnicodeEncodeError:  # half a surrogate pair
        return byte_length(text)


def estimate_conversation(conversation: Conversation) -> int:
    """Tokens of the whole prompt: system text, tools and messages; at least 1."""
    size, images = _measured(conversation.messages)
    size += _sent_length(conversation.system)
    for tool in conversation.tools:
        size += byte_length(tool.name) + _sent_length(tool.description) + len(tool.schema_json)
    fixed = MESSAGE_TOKENS * len(conversation.messages) + IMAGE_TOKENS * images
    return max(1, estimate_text(size) + fixed)


def _measured(messages: Sequence[Message]) -> tuple[int, int]:
    """The bytes of everything that is said, and the number of images."""
    size = images = 0
    inputs: list[dict[str, Any]] = []
    parts: list[Any] = [part for message in messages for part in message.parts]
    for part in parts:
        kind = type(part)
        if kind is Text or kind is Thinking:
            text = part.text
            size += len(text) if text.isascii() else _sent_length(text)
        elif kind is ToolResult:
            parts += part.content  # the loop comes to it
        elif kind is ToolCall:
            size += byte_length(part.name)
            inputs.append(part.input)
        elif kind is Image:
            images += 1
        elif kind is Document:
            size += _sent_length(part.text or "") + byte_length(part.title or "")
        elif kind is RedactedThinking:
            size += len(part.data)
    return size + _json_bytes(inputs), images


def _json_bytes(values: Sequence[Any]) -> int:
    """Of each as JSON, together: of the list without its brackets and commas."""
    return len(_encode(values)) - len(values) - 1 if values else 0


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
