"""Whose reasoning a conversation holds: only that of the model's own family goes back to it.

Signed reasoning (a text with its signature, or opaque data) comes back from clients unchanged, also
from those that changed the model, or the service, in the middle of a conversation. Claude models
refuse a request that holds the reasoning of another family. Claude's own is the same at Anthropic
and here and stays as it is; that of another family is tagged with the family's name on its way to
the client. What has no tag is therefore Claude's, but for what OpenAI's API encrypted, which begins
with ``gAAAA`` (the version and the first bytes of the time, in a Fernet token).
"""

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from app.core.conversation import Conversation, Part, RedactedThinking, Thinking
from app.core.events import Event, RedactedThinkingBlock, ThinkingSignature

from .request.repair.edit import map_messages, map_values, with_parts

CLAUDE = "claude"
_TAG = "kiro2api:"
_ENCRYPTED_BY_OPENAI = "gAAAA"


def family(model_id: str) -> str:
    """``claude``, ``gpt`` and so on. The service's own choice is mostly a Claude model."""
    found = re.match(r"[a-z]+", model_id.lower())
    name = found[0] if found else ""
    return CLAUDE if name in ("", "auto") else name


def tagged(batches: Iterator[Sequence[Event]], family: str) -> Iterator[Sequence[Event]]:
    """The answer of a model, with its reasoning tagged unless it is Claude's."""
    return batches if family == CLAUDE else _tagged(batches, f"{_TAG}{family}:")


def _tagged(batches: Iterator[Sequence[Event]], tag: str) -> Iterator[Sequence[Event]]:
    for batch in batches:
        yield [_with_tag(event, tag) for event in batch]


def _with_tag(event: Event, tag: str) -> Event:
    if isinstance(event, ThinkingSignature):
        return ThinkingSignature(tag + event.signature)
    if isinstance(event, RedactedThinkingBlock):
        return RedactedThinkingBlock(tag + event.data)
    return event


def own_reasoning(conversation: Conversation, family: str) -> tuple[Conversation, bool]:
    """The conversation for a model of a family, with the reasoning of that family alone and without
    tags; and whether any was left out. Reasoning without a signature is left to the repairs.
    """
    signatures = [*_signatures(conversation)]
    if all(_untagged(signature, family) == signature for signature in signatures):
        return conversation, False

    def change(part: Part) -> Part | None:
        if isinstance(part, Thinking) and part.signature:
            kept = _untagged(part.signature, family)
            return None if kept is None else replace(part, signature=kept)
        if isinstance(part, RedactedThinking):
            kept = _untagged(part.data, family)
            return None if kept is None else RedactedThinking(kept)
        return part

    changed = map_messages(
        conversation, lambda message: with_parts(message, map_values(message.parts, change))
    )
    return changed, any(_untagged(signature, family) is None for signature in signatures)


def _signatures(conversation: Conversation) -> Iterator[str]:
    for message in conversation.messages:
        if message.role == "assistant":
            for part in message.parts:
                kind = type(part)
                if kind is Thinking and part.signature:  # type: ignore[union-attr]
                    yield part.signature  # type: ignore[union-attr]
                elif kind is RedactedThinking:
                    yield part.data  # type: ignore[union-attr]


def _untagged(signature: str, family: str) -> str | None:
    """The signature as a model of the family made it, None if another made it."""
    if signature.startswith(_TAG):
        whose, _, bare = signature.removeprefix(_TAG).partition(":")
        return bare if whose == family else None
    is_claudes = not signature.startswith(_ENCRYPTED_BY_OPENAI)
    return signature if is_claudes and family == CLAUDE else None
