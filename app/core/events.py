"""What the model said, as it says it: the one kind of event that every dialect receives.

Order, kept by the producer: tool calls never interleave (``ToolStart``, its ``ToolInput``s, its
``ToolEnd``, and nothing else between them); ``Usage`` may stand anywhere; ``Finish`` is the last
event and comes only after a clean end. A stream that breaks raises :class:`app.errors.GatewayError`
in place of ``Finish``. No delta, signature or fragment is empty: an event says something.
"""

from typing import Literal, TypeAlias

from msgspec import Struct

StopReason: TypeAlias = Literal[
    "end_turn", "tool_use", "max_tokens", "stop_sequence", "context_window", "refusal"
]


class TextDelta(Struct, frozen=True, gc=False):
    """The next piece of the answer; two equal pieces in a row are two pieces."""

    text: str


class ThinkingDelta(Struct, frozen=True, gc=False):
    """The next piece of the model's reasoning."""

    text: str


class ThinkingSignature(Struct, frozen=True, gc=False):
    """The upstream's signature of the reasoning that came before it; ends that block."""

    signature: str


class RedactedThinkingBlock(Struct, frozen=True, gc=False):
    """One whole block of opaque reasoning, base64."""

    data: str


class ToolStart(Struct, frozen=True, gc=False):
    """A tool call begins. ``name`` is the client's own name of the tool."""

    id: str
    name: str


class ToolInput(Struct, frozen=True, gc=False):
    """The next fragment of the open call's input; the fragments together are one JSON object, or
    nothing for ``{}``.
    """

    fragment: str


class ToolEnd(Struct, frozen=True, gc=False):
    """The open call ends. Not ``complete``: the upstream stopped inside its input, which must not
    be run.
    """

    complete: bool = True


class Usage(Struct, frozen=True, gc=False):
    """Figures the upstream gave; None where it gave none. Later ones replace earlier ones, member
    by member.

    ``input_tokens`` are those neither read from nor written to a cache. ``context_percentage`` is
    0..100 of the model's window, prompt and answer together. ``credits`` is what the request cost.
    ``model`` is the upstream's id of the model that answered.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    context_percentage: float | None = None
    credits: float | None = None
    model: str | None = None


class Finish(Struct, frozen=True, gc=False):
    """The clean end of the answer."""

    reason: StopReason


Event: TypeAlias = (
    TextDelta
    | ThinkingDelta
    | ThinkingSignature
    | RedactedThinkingBlock
    | ToolStart
    | ToolInput
    | ToolEnd
    | Usage
    | Finish
)

CONTENT: tuple[type, ...] = (
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    RedactedThinkingBlock,
    ToolStart,
)
"""The events that carry content: once one was delivered, a request can no longer be retried."""
