"""The answer as one JSON message, and the parts of it that a stream needs too.

Every member a client's types name is always there: some clients fail without one they never read.
"""

from typing import Any

from msgspec import Struct

from app.core.conversation import Part, RedactedThinking, Text, Thinking, ToolCall
from app.core.events import StopReason
from app.core.fold import Reply
from app.core.tokens import TokenCounts
from app.core.usage import Meter
from app.dialects.wire import encode

STOP_REASONS: dict[StopReason, str] = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "stop_sequence": "stop_sequence",
    "context_window": "model_context_window_exceeded",
    "refusal": "refusal",
}


class Answer(Struct, frozen=True):
    """What everything that is told of one answer shares.

    ``model`` is the name the client used. ``omit_thinking``: thinking is told with its signature
    and without its text, as the API's ``display: omitted``.
    """

    id: str
    model: str
    omit_thinking: bool = False


def whole(answer: Answer, reply: Reply, meter: Meter) -> bytes:
    """The body of a whole answer."""
    content = [_block(part, answer.omit_thinking) for part in reply.parts]
    return encode(shell(answer, content, usage(meter.counts()), reply.reason))


def shell(
    answer: Answer,
    content: list[dict[str, Any]],
    used: dict[str, int],
    reason: StopReason | None,
) -> dict[str, Any]:
    """A message around its content; ``reason`` is None while the answer is still being made."""
    return {
        "id": answer.id,
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": content,
        **stop(reason),
        "usage": used,
    }


def stop(reason: StopReason | None) -> dict[str, Any]:
    """Why the answer ended, as the message and the stream's ``message_delta`` tell it."""
    refused = {"type": "refusal", "category": None, "explanation": None}
    return {
        "stop_reason": STOP_REASONS[reason] if reason else None,
        "stop_sequence": None,
        "stop_details": refused if reason == "refusal" else None,
    }


def usage(counts: TokenCounts) -> dict[str, int]:
    """What the whole answer used; cached tokens are counted apart."""
    return {
        "input_tokens": counts.input_tokens,
        "cache_creation_input_tokens": counts.cache_write_tokens,
        "cache_read_input_tokens": counts.cache_read_tokens,
        "output_tokens": counts.output_tokens,
    }


def first_usage(meter: Meter) -> dict[str, int]:
    """Before anything was answered only the input is known, and that as an estimate."""
    return {
        "input_tokens": meter.input_estimate,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }


def text_block(text: str) -> dict[str, Any]:
    """A block of text."""
    return {"type": "text", "text": text}


def thinking_block(text: str, signature: str) -> dict[str, Any]:
    """Reasoning with the signature that the upstream gave, if it did."""
    return {"type": "thinking", "thinking": text, "signature": signature}


def redacted_block(data: str) -> dict[str, Any]:
    """Opaque reasoning."""
    return {"type": "redacted_thinking", "data": data}


def tool_block(call_id: str, name: str, tool_input: dict[str, Any]) -> dict[str, Any]:
    """A tool call."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": tool_input}


def _block(part: Part, omit_thinking: bool) -> dict[str, Any]:
    match part:
        case Text():
            return text_block(part.text)
        case Thinking():
            return thinking_block("" if omit_thinking else part.text, part.signature)
        case RedactedThinking():
            return redacted_block(part.data)
        case ToolCall():
            return tool_block(part.id, part.name, part.input)
    raise TypeError(f"{type(part).__name__} is no part of an answer")
