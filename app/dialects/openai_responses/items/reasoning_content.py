"""Reasoning as a client carries it from turn to turn: ``encrypted_content`` of a reasoning item.

It holds what the upstream sent (a text with its signature, or opaque data), which goes back to the
upstream unchanged.
"""

from typing import TypeAlias

import msgspec

from app.core.conversation import RedactedThinking, Thinking

from .carried import Form, packed, unpacked


class _Signed(Form, frozen=True, tag="thinking"):
    text: str
    signature: str


class _Opaque(Form, frozen=True, tag="redacted_thinking"):
    data: str


Reasoning: TypeAlias = Thinking | RedactedThinking

_content = msgspec.json.Decoder(_Signed | _Opaque)


def encode(part: Reasoning) -> str:
    """The content that :func:`decode` reads."""
    if isinstance(part, RedactedThinking):
        return packed(_Opaque(part.data))
    return packed(_Signed(part.text, part.signature))


def decode(content: str) -> Reasoning | None:
    """What :func:`encode` was given; None for content that it did not make."""
    form = unpacked(content, _content)
    if isinstance(form, _Opaque):
        return RedactedThinking(form.data)
    return Thinking(form.text, form.signature) if form else None
