"""The operations of the Messages API for the service's description, and the shapes of its answers.

The shapes are for the description alone: answers are made in :mod:`.reply`, failures in
:mod:`.errors`.
"""

from typing import Any, Literal, TypeAlias

from app.openapi import JSON, Operation, Shape

from .schema import CountTokensRequest, MessagesRequest


class Text(Shape, frozen=True, tag_field="type", tag="text"):
    text: str


class Thinking(Shape, frozen=True, tag_field="type", tag="thinking"):
    thinking: str
    signature: str


class RedactedThinking(Shape, frozen=True, tag_field="type", tag="redacted_thinking"):
    data: str


class ToolUse(Shape, frozen=True, tag_field="type", tag="tool_use"):
    id: str
    name: str
    input: dict[str, Any]


class Usage(Shape, frozen=True):
    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int


class Refusal(Shape, frozen=True, tag_field="type", tag="refusal"):
    category: str | None
    explanation: str | None


Block: TypeAlias = Text | Thinking | RedactedThinking | ToolUse
StopReason: TypeAlias = Literal[
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "model_context_window_exceeded",
    "refusal",
]


class Message(Shape, frozen=True, tag_field="type", tag="message"):
    """The answer of ``POST /v1/messages``. Without a ``stop_reason`` it is still being made."""

    id: str
    role: Literal["assistant"]
    model: str
    content: list[Block]
    stop_reason: StopReason | None
    stop_sequence: str | None
    stop_details: Refusal | None
    usage: Usage


class Count(Shape, frozen=True):
    """The answer of ``POST /v1/messages/count_tokens``: an estimate."""

    input_tokens: int


class Details(Shape, frozen=True):
    error_code: str


class AnthropicFailure(Shape, frozen=True, omit_defaults=True):
    type: Literal[
        "invalid_request_error",
        "authentication_error",
        "permission_error",
        "not_found_error",
        "request_too_large",
        "rate_limit_error",
        "timeout_error",
        "overloaded_error",
        "api_error",
    ]
    message: str
    details: Details | None = None


class AnthropicError(Shape, frozen=True, tag_field="type", tag="error"):
    """Any failure."""

    error: AnthropicFailure
    request_id: str


class TextDelta(Shape, frozen=True, tag_field="type", tag="text_delta"):
    text: str


class ThinkingDelta(Shape, frozen=True, tag_field="type", tag="thinking_delta"):
    thinking: str


class SignatureDelta(Shape, frozen=True, tag_field="type", tag="signature_delta"):
    signature: str


class InputDelta(Shape, frozen=True, tag_field="type", tag="input_json_delta"):
    partial_json: str


class Ended(Shape, frozen=True):
    stop_reason: StopReason
    stop_sequence: str | None
    stop_details: Refusal | None


class MessageStart(Shape, frozen=True, tag_field="type", tag="message_start"):
    message: Message


class BlockStart(Shape, frozen=True, tag_field="type", tag="content_block_start"):
    index: int
    content_block: Block


class BlockDelta(Shape, frozen=True, tag_field="type", tag="content_block_delta"):
    index: int
    delta: TextDelta | ThinkingDelta | SignatureDelta | InputDelta


class BlockStop(Shape, frozen=True, tag_field="type", tag="content_block_stop"):
    index: int


class MessageDelta(Shape, frozen=True, tag_field="type", tag="message_delta"):
    delta: Ended
    usage: Usage


class MessageStop(Shape, frozen=True, tag_field="type", tag="message_stop"):
    pass


class Ping(Shape, frozen=True, tag_field="type", tag="ping"):
    pass


Event: TypeAlias = (
    MessageStart
    | BlockStart
    | BlockDelta
    | BlockStop
    | MessageDelta
    | MessageStop
    | Ping
    | AnthropicError
)

OPERATIONS = (
    Operation(
        method="post",
        path="/v1/messages",
        summary="Ask a model for an answer, streamed or whole.",
        request=MessagesRequest,
        answers={JSON: Message},
        events=[Event],
    ),
    Operation(
        method="post",
        path="/v1/messages/count_tokens",
        summary="Estimate the tokens of a request.",
        request=CountTokensRequest,
        answers={JSON: Count},
    ),
)
