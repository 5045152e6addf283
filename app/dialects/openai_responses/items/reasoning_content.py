"""Reasoning as a client carries it from turn to turn: ``encrypted_content`` of a reasoning item.

The gateway stores nothing, so what the upstream sent (a text with its signature, or opaque data)
travels in the item, and goes back to the upstream unchanged when the client sends the item again.
It is the base64 of a JSON object and not encrypted: only the client gets it, which sees the same
text anyway. Clients must treat it as opaque.
"""

from binascii import Error, a2b_base64, b2a_base64
from typing import TypeAlias

import msgspec
from msgspec import Struct

from app.core.conversation import RedactedThinking, Thinking


class _Form(Struct, frozen=True, tag_field="kiro2api", forbid_unknown_fields=True):
    """The tag's name distinguishes our content from that of other services."""


class _Signed(_Form, frozen=True, tag="thinking"):
    text: str
    signature: str


class _Opaque(_Form, frozen=True, tag="redacted_thinking"):
    data: str


Reasoning: TypeAlias = Thinking | RedactedThinking

_content = msgspec.json.Decoder(_Signed | _Opaque)


def encode(part: Reasoning) -> str:
    """The content that :func:`decode` reads."""
    if isinstance(part, RedactedThinking):
        form: _Form = _Opaque(part.data)
    else:
        form = _Signed(part.text, part.signature)
    return b2a_base64(msgspec.json.encode(form), newline=False).decode()


def decode(content: str) -> Reasoning | None:
    """What :func:`encode` was given; None for content that it did not make."""
    try:
        form = _content.decode(a2b_base64(content, strict_mode=True))
    except (Error, ValueError, msgspec.MsgspecError):
        return None
    if isinstance(form, _Opaque):
        return RedactedThinking(form.data)
    return Thinking(form.text, form.signature)
