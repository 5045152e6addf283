"""Token counts: an estimate, and the upstream's own figures, which take precedence.

No offline tokenizer exists for these models, so the estimate goes by size: 3.5 UTF-8 bytes per
token, the ratio the official language servers use for their budgets. A Chinese character (three
bytes) counts as 0.86 tokens. Lengths are summed first and divided once.
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
    Summary,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from .document_tokens import document_tokens
from .events import Usage

BYTES_PER_TOKEN = 3.5
IMAGE_TOKENS = 1500
"""Anthropic counts width x height / 750 and scales larger images down to about 1.15 megapixels,
which is 1,533 tokens. Most screenshots reach that, so every image counts as about the maximum.
"""
MESSAGE_TOKENS = 3
"""For the role and the end of a turn; OpenAI documents three for its chat models."""

InputSource: TypeAlias = Literal["upstream", "context_percentage", "estimate"]

_encode = msgspec.json.Encoder().encode


class TokenCounts(Struct, frozen=True):
    """The usage reported for a finished request.

    ``input_tokens`` excludes cached tokens; ``reasoning_tokens`` are among ``output_tokens``.
    ``source`` says where ``input_tokens`` came from.
    """

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    credits: float | None = None
    source: InputSource = "estimate"
    reasoning_tokens: int = 0


def estimate_text(n_bytes: int) -> int:
    """Estimated tokens in ``n_bytes`` of UTF-8 text."""
    return ceil(n_bytes / BYTES_PER_TOKEN)


def byte_length(text: str) -> int:
    """Length in UTF-8 bytes. ASCII text, which the interpreter flags as such, is not encoded."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _sent_length(text: str) -> int:
    """Length in UTF-8 bytes of text that will be sent upstream.

    CPython caches a string's UTF-8 form inside the string when C code asks for it. ``Raw`` does, so
    the encoder of the request body finds the bytes there and does not encode the text again;
    ``str.encode`` fills no cache.
    """
    if text.isascii():
        return len(text)
    try:
        return memoryview(Raw(text)).nbytes
    except UnicodeEncodeError:  # a lone surrogate
        return byte_length(text)


def estimate_conversation(conversation: Conversation) -> int:
    """Estimated tokens of the whole prompt: system prompt, tools and messages; at least 1."""
    size, attached = _measured(conversation.messages)
    size += _sent_length(conversation.system)
    for tool in conversation.tools:
        size += byte_length(tool.name) + _sent_length(tool.description) + len(tool.schema_json)
    fixed = MESSAGE_TOKENS * len(conversation.messages) + attached
    return max(1, estimate_text(size) + fixed)


def _measured(messages: Sequence[Message]) -> tuple[int, int]:
    """The bytes of all text, and the tokens of images and binary documents."""
    size = attached = 0
    inputs: list[dict[str, Any]] = []
    parts: list[Any] = [part for message in messages for part in message.parts]
    for part in parts:
        kind = type(part)
        if kind is Text or kind is Thinking:
            text = part.text
            size += len(text) if text.isascii() else _sent_length(text)
        elif kind is ToolResult:
            parts += part.content  # this loop will reach them
        elif kind is ToolCall:
            size += byte_length(part.name)
            inputs.append(part.input)
        elif kind is Image:
            attached += IMAGE_TOKENS
        elif kind is Document and part.text is None:
            attached += document_tokens(part)
        elif kind is Document:
            size += _sent_length(part.text or "") + byte_length(part.title or "")
        elif kind is Summary:
            size += _sent_length(part.content or "")
        elif kind is RedactedThinking:
            size += len(part.data)
    return size + _json_bytes(inputs), attached


def _json_bytes(values: Sequence[Any]) -> int:
    """Total length of the values as JSON: that of their list, less its brackets and commas."""
    return len(_encode(values)) - len(values) - 1 if values else 0


def resolve_usage(
    *, estimate: int, window: int | None, output_bytes: int, thinking_bytes: int = 0, usage: Usage
) -> TokenCounts:
    """The counts to report: the upstream's figures where it sent them, else the best estimate.

    ``estimate`` (of the prompt) and ``window`` (the context window of the model that answered) are
    in tokens; ``output_bytes`` is the UTF-8 length of everything the model wrote, and
    ``thinking_bytes`` that of its reasoning; ``usage`` holds the upstream's figures so far, merged.
    Reasoning has the share of the output's tokens that it has of the output's bytes. If the
    upstream sent no input figure but a percentage of the context window, the input is that share of
    the window minus the output. Cache figures are 0 unless the upstream sent them.
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
        round(output * thinking_bytes / output_bytes) if thinking_bytes else 0,
    )


def _input_tokens(
    estimate: int, window: int | None, output: int, usage: Usage
) -> tuple[int, InputSource]:
    if usage.input_tokens is not None:
        return usage.input_tokens, "upstream"
    percentage = usage.context_percentage
    if window and percentage is not None and isfinite(percentage):
        left = round(window * percentage / 100) - output
        if left > 0:
            return left, "context_percentage"
    return estimate, "estimate"
