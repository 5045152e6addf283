"""What a client is told of an answer that lacks what was demanded.

Nothing of the answer is in it, since messages are logged; how a value fails its schema is told by
the place in the client's own schema.
"""

from typing import Literal, TypeAlias

from app.common.errors import GatewayError, Kind, shortened
from app.core.demands.watch import Lack, Shortfall

WHAT: dict[Lack, str] = {
    "call": "The model did not call a tool, which tool_choice demands",
    "json": "The model gave no answer that is valid against the JSON Schema of the request",
    "arguments": "The model called the strict tool {} with an input that is not valid",
    "tool": "The model called the tool {}, which the request does not offer",
}
LONGEST_NAME = 100

Tried: TypeAlias = Literal["asked_again", "partly_sent", "used_up"]
"""Why the model is not asked once more: it was, or a stream cannot go on behind what it has sent,
or another part of the request has had the one call that a request may cost besides."""

TRIED: dict[Tried, str] = {
    "asked_again": "also when it was asked once more",
    "partly_sent": "and part of it was sent already",
    "used_up": "and the request had its one repeated call before",
}


def failure(shortfall: Shortfall, tried: Tried) -> GatewayError:
    """The error for an answer that lacks something."""
    what = WHAT[shortfall.lack].format(repr(shortened(shortfall.tool, LONGEST_NAME)))
    place = shortfall.mismatch.place if shortfall.mismatch else ""
    if place:
        what += f" (it fails at {place})"
    return GatewayError(
        Kind.NOT_FULFILLED, f"{what}, {TRIED[tried]}. Change the prompt, or try again."
    )
