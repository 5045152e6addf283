"""The events of an answer as the model produces it. Every dialect receives these.

The producer guarantees the order. Tool calls never interleave: ``ToolStart``, its ``ToolInput``
events and its ``ToolEnd`` come with nothing but ``Usage`` between them. ``Usage`` may come
anywhere. ``Finish`` is the last event and means a clean end; a stream that breaks raises
:class:`app.common.errors.GatewayError` instead. No delta, signature or fragment is empty. The
machines of :mod:`app.core.limits` keep this order. ``HostedToolStart``, ``HostedToolUse`` and
``CitedText`` come only if the conversation has hosted tools, from :mod:`app.hosted`; each
``HostedToolStart`` is followed by its ``HostedToolUse``. ``Summary`` comes only if the conversation
asks for a compaction, from :mod:`app.compaction`.

To add an event type, define it here, add it to :data:`Event` and then to these tables:

- ``_STEPS`` in :mod:`app.core.fold`: what it adds to a whole answer;
- ``StreamEncoder.TRANSITIONS`` in the ``stream`` module of each dialect;
- :data:`CONTENT_EVENTS`, if it delivers part of the answer to the client;
- :meth:`app.core.usage.Meter.feed`, if its text counts as output tokens;
- the producer: ``_HANDLERS`` in :mod:`app.codewhisperer.answer.decoder`.

``tests/dialects/test_transitions.py`` fails while one of the first two tables lacks an event type,
``tests/core/test_events.py`` until it is decided whether the new type is content.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from .conversation import CitedText, HostedToolUse, Summary

StopReason: TypeAlias = Literal[
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "context_window",
    "pause_turn",
    "refusal",
    "compaction",
]
"""``pause_turn``: the service paused a turn of its own, which goes on when the client sends the
conversation again. ``refusal``: the model, or a filter around it, declined to answer.
``compaction``: after a summary, since its client wants to see that first.
"""


class TextDelta(Struct, frozen=True, gc=False):
    """The next piece of the answer; two equal pieces in a row are two pieces."""

    text: str


class ThinkingDelta(Struct, frozen=True, gc=False):
    """The next piece of the model's reasoning."""

    text: str


class ThinkingSignature(Struct, frozen=True, gc=False):
    """The upstream's signature of the preceding reasoning; ends that block."""

    signature: str


class RedactedThinkingBlock(Struct, frozen=True, gc=False):
    """One whole block of opaque reasoning, base64."""

    data: str


class ToolStart(Struct, frozen=True, gc=False):
    """A tool call begins. ``name`` is the client's name of the tool."""

    id: str
    name: str


class ToolInput(Struct, frozen=True, gc=False):
    """The next fragment of the open call's input. The fragments of a call join to one JSON object;
    a call without fragments has the input ``{}``.
    """

    fragment: str


class ToolEnd(Struct, frozen=True, gc=False):
    """The open call ends. If not ``complete``, the upstream stopped inside the call's input and the
    call must not be run.
    """

    complete: bool = True


class HostedToolStart(Struct, frozen=True, gc=False):
    """The gateway begins to run a tool itself: the members of the ``HostedToolUse`` that follows,
    but its result.
    """

    id: str
    name: str
    input: dict[str, Any]


class Usage(Struct, frozen=True, gc=False):
    """Usage figures from the upstream; None where it sent none. A later figure replaces an earlier
    one of the same field.

    ``input_tokens`` counts tokens neither read from nor written to a cache. ``context_percentage``
    (0..100) is how much of the model's context window prompt and answer fill together. ``credits``
    is all that the answer has cost so far. ``model`` is the upstream's id of the model that
    answered.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    context_percentage: float | None = None
    credits: float | None = None
    model: str | None = None


class Refusal(Struct, frozen=True, gc=False):
    """Why an answer was declined, "" for what the upstream does not say.

    ``category`` is in lower case. ``explanation`` is for people. ``model`` is the upstream's id of
    a model that it recommends to ask instead.
    """

    category: str = ""
    explanation: str = ""
    model: str = ""


class Finish(Struct, frozen=True, gc=False):
    """The clean end of the answer. ``refusal`` explains the reason of that name, and
    ``stop_sequence`` is the one that the text had.
    """

    reason: StopReason
    refusal: Refusal | None = None
    stop_sequence: str | None = None


Event: TypeAlias = (
    TextDelta
    | ThinkingDelta
    | ThinkingSignature
    | RedactedThinkingBlock
    | ToolStart
    | ToolInput
    | ToolEnd
    | HostedToolStart
    | HostedToolUse
    | CitedText
    | Summary
    | Usage
    | Finish
)

CONTENT_EVENTS: tuple[type, ...] = (
    TextDelta,
    ThinkingDelta,
    ThinkingSignature,
    RedactedThinkingBlock,
    ToolStart,
    HostedToolStart,
    HostedToolUse,
    CitedText,
    Summary,
)
"""Events that carry content. Once one was delivered, the request can no longer be retried."""

COMMITTING = frozenset({*CONTENT_EVENTS, Finish})
"""Once one of these was read, the client gets its answer and nothing can be retried."""

MANY = 8
"""Events from which on it is cheaper to look at them together first."""
_ONLY_TEXT = {TextDelta}


def only_texts(events: Sequence[Event]) -> list[str]:
    """The texts of events that are all TextDelta, as most batches of a long answer are; else []."""
    if set(map(type, events)) != _ONLY_TEXT:
        return []
    return [event.text for event in events]  # type: ignore[union-attr]
