"""Compaction: items that ask for a summary of the conversation, and those that carry one.

Each name that clients know a carrying item by is read alike. What the user, the developer and the
system said before it stays; the summary stands for the rest.

Source: the types of the ``openai`` SDK 3.57, OpenAI's guide to compaction, and Codex 0.144, 0.153
and 0.171 in front of a scripted server.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from app.core.compaction import from_summary
from app.core.conversation import Compaction, Message, Summary
from app.core.typed_json import FieldError, Record

from . import types
from .carried import Form, packed, unpacked
from .foreign import SEALED
from .turns import Turn

THRESHOLD = 150_000
"""Tokens, for a request that wants a compaction and does not say when. OpenAI does not say what its
own default is; it is that of the Messages API."""
ON_REQUEST = Compaction(ends=True, keeps_asked=True)
"""The summary and nothing else."""

_ASKS = Summary(None)


class _Summed(Form, frozen=True, tag="compaction"):
    summary: str


_content = msgspec.json.Decoder(_Summed)


def content(summary: str) -> str:
    """The ``encrypted_content`` of an item that carries this summary."""
    return packed(_Summed(summary))


def carried(item: Any, record: Record) -> list[Turn]:
    """The turn of an item that carries a summary. Raises :class:`FieldError` for one that this
    gateway did not make: without it the conversation would be a different one.
    """
    kind = item.__struct_config__.tag
    if not item.encrypted_content:
        record.ignore(kind)
        return []
    form = unpacked(item.encrypted_content, _content)
    if form is None:
        raise FieldError((), f"{kind} {SEALED}")
    record.summarized = True
    return [Turn("user", (Summary(form.summary),), joins=False)]


def trigger(item: types.CompactionTrigger, record: Record) -> list[Turn]:
    """The turn of an item that asks for a summary."""
    record.summarized = True
    return [Turn("user", (_ASKS,), joins=False)]


def settled(messages: Sequence[Message]) -> tuple[tuple[Message, ...], bool]:
    """The conversation from its last summary on, and whether it ends by asking for one. Raises
    :class:`FieldError` if it asks for one elsewhere, and no summary follows.
    """
    asks = bool(messages) and messages[-1].parts == (_ASKS,)
    kept = from_summary(messages[:-1] if asks else messages, keeps_asked=True)
    if any(isinstance(part, Summary) for message in kept for part in message.parts):
        raise FieldError(
            ("input",),
            "compaction_trigger must be the last item, or the item that it has led to must follow",
        )
    return kept, asks
