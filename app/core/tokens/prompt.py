"""A conversation as it is measured before it is sent: its estimated tokens, and what it is known
by in the next turn.

Lengths are summed first and rounded once.
"""

from collections.abc import Hashable, Iterable, Sequence
from math import ceil
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.core.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Part,
    RedactedThinking,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

from .documents import document_tokens
from .images import image_tokens
from .text import UNIT, estimator
from .weights import Family, family_of

MESSAGE_TOKENS: Final = 3
"""For the role and the end of a turn; OpenAI documents three for its chat models."""

_ENDS: Final = 512
"""Characters at both ends of a file that it is known by."""

_encode = msgspec.json.Encoder().encode


class Prompt(Struct, frozen=True, gc=False):
    """``tokens`` is the estimate of the whole prompt. ``keys`` has a hash for each message: of the
    conversation up to it, with one model. They hold nothing of the texts and mean something in this
    process alone.
    """

    tokens: int
    keys: tuple[int, ...] = ()


UNMEASURED: Final = Prompt(0)
"""Of which nothing is remembered."""


def measure(conversation: Conversation, model: str) -> Prompt:
    """The prompt of a conversation with a model, by the upstream's id of it."""
    tokens = estimate_conversation(conversation, family_of(model))
    return Prompt(tokens, _keys(model, conversation.messages))


def estimate_conversation(conversation: Conversation, family: Family | None = None) -> int:
    """Estimated tokens of the whole prompt: system prompt, the tools that the model may call and
    messages; at least 1. The family of its model is guessed by the client's name of it if it is not
    given.
    """
    family = family or family_of(conversation.model)
    texts, attached = _contents(conversation.messages, family)
    texts.append(conversation.system)
    for tool in conversation.allowed_tools:
        texts += (tool.name, tool.description, tool.schema_json)
    units = estimator(family).prompt(texts)
    fixed = MESSAGE_TOKENS * len(conversation.messages) + attached
    return max(1, ceil(units / UNIT) + fixed)


def _contents(messages: Sequence[Message], family: Family) -> tuple[list[str | bytes], int]:
    """All text, and the tokens of images and binary documents."""
    texts: list[str | bytes] = []
    attached = 0
    parts: list[Any] = [part for message in messages for part in message.parts]
    for part in parts:
        kind = type(part)
        if kind is Text or kind is Thinking:
            texts.append(part.text)
        elif kind is ToolResult:
            parts += part.content  # this loop will reach them
        elif kind is ToolCall:
            texts += (part.name, _encode(part.input))
        elif kind is Image:
            attached += image_tokens(part, family)
        elif kind is Document and part.text is None:
            attached += document_tokens(part, family)
        elif kind is Document:
            texts += (part.text, part.title or "")
        elif kind is RedactedThinking:
            texts.append(part.data)
    return texts, attached


def _keys(model: str, messages: Iterable[Message]) -> tuple[int, ...]:
    keys = []
    key = hash(model)
    for message in messages:
        key = hash((key, message.role, *map(_identity, message.parts)))
        keys.append(key)
    return tuple(keys)


def _identity(part: Part) -> Hashable:
    """What a part is told apart by from the others that a client could have sent there."""
    kind = type(part)
    if kind is Text or kind is Thinking:
        return part.text  # type: ignore[union-attr]
    if isinstance(part, ToolCall):
        return part.id, part.name
    if isinstance(part, ToolResult):
        return part.call_id, *map(_identity, part.content)
    if isinstance(part, Document) and part.text is not None:
        return part.text, part.title
    data = getattr(part, "data", "")
    return len(data), data[:_ENDS], data[-_ENDS:]
