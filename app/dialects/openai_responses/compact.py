"""The answer to ``POST /v1/responses/compact``.

Source: OpenAI's guide to compaction. The types of the ``openai`` SDK 3.57 describe the messages in
the output like the guide, and then allow those of the assistant alone.
"""

from collections.abc import Sequence
from typing import Any, Literal

from app.common.openapi import Shape
from app.core.fold import Reply
from app.core.usage import Meter
from app.dialects.wire import encode

from .kept.forms import numbered
from .reply import ReplyContext, output_items, usage
from .shapes import Usage

STAYING = ("user", "developer", "system")
"""Roles whose messages a compaction leaves as they are."""


class CompactedResponse(Shape, frozen=True):
    """The answer of ``POST /v1/responses/compact``. ``output`` takes the place of the input: its
    messages of the user, the developer and the system, and one item for the rest.
    """

    id: str
    object: Literal["response.compaction"]
    created_at: int
    output: list[Any]
    usage: Usage


def compacted(context: ReplyContext, asked: Sequence[Any], reply: Reply, meter: Meter) -> bytes:
    """The body of the answer to ``POST /v1/responses/compact``: what takes the place of ``asked``,
    the items of the input. What the user, the developer and the system said is in it unchanged.
    """
    said = [item for item in asked if isinstance(item, dict) and item.get("role") in STAYING]
    answer = CompactedResponse(
        id=context.id,
        object="response.compaction",
        created_at=context.created,
        output=[*numbered(said, context.number), *output_items(context, reply.parts)],
        usage=usage(meter.counts()),
    )
    return encode(answer)
