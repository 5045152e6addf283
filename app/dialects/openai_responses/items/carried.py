"""Content of this gateway that a client carries from request to request, as ``encrypted_content``.

The gateway stores nothing for it, so the content travels in an item, and is read when the client
sends the item again. It is the base64 of a JSON object and not encrypted: only the client gets it,
which has all of it anyway. Clients must treat it as opaque.
"""

from binascii import Error, a2b_base64, b2a_base64
from typing import Any

import msgspec
from msgspec import Struct


class Form(Struct, frozen=True, tag_field="kiro2api", forbid_unknown_fields=True):
    """The tag's name distinguishes our content from that of other services."""


def packed(form: Form) -> str:
    """The content that :func:`unpacked` reads."""
    return b2a_base64(msgspec.json.encode(form), newline=False).decode()


def unpacked(content: str, decoder: "msgspec.json.Decoder[Any]") -> Any:
    """What :func:`packed` was given, of the type of the decoder; None for any other content."""
    try:
        return decoder.decode(a2b_base64(content, strict_mode=True))
    except (Error, ValueError, msgspec.MsgspecError):
        return None
