"""What a client is told of an answer that lacks what was demanded.

Nothing of the answer is in it, since messages are logged; how a value fails its schema is told by
the place in the client's own schema.
"""

from app.core.demands.watch import Lack, Shortfall
from app.errors import GatewayError, Kind, shortened

WHAT: dict[Lack, str] = {
    "call": "The model did not call a tool, which tool_choice demands",
    "json": "The model gave no answer that is valid against the JSON Schema of the request",
    "arguments": "The model called the strict tool {} with an input that is not valid",
    "tool": "The model called the tool {}, which the request does not offer",
}
LONGEST_NAME = 100


def failure(shortfall: Shortfall, *, asked_again: bool) -> GatewayError:
    """``asked_again``: the model had a second chance; else a stream could not go on."""
    what = WHAT[shortfall.lack].format(repr(shortened(shortfall.tool, LONGEST_NAME)))
    place = shortfall.mismatch.place if shortfall.mismatch else ""
    if place:
        what += f" (it fails at {place})"
    tried = "also when it was asked once more" if asked_again else "and part of it was sent already"
    return GatewayError(Kind.NOT_FULFILLED, f"{what}, {tried}. Change the prompt, or try again.")
