"""The answers of the Messages API, as types: whole answers, stream events and failures.

Answers are made from these structs and described by them in ``/openapi.json``. Every member that a
client's types name is always written: some clients fail without one that they never read.

Source: the types of the ``anthropic`` SDK 2.12.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from app.common.openapi import Shape

from .context_shapes import Compaction, CompactionDelta, ContextManagement, Iteration, OriginalCount
from .search_shapes import WebCitation, WebSearchResult


class Text(Shape, frozen=True, tag_field="type", tag="text"):
    """``citations`` are there for text that the model took from pages of a search."""

    text: str
    citations: Sequence[WebCitation] | UnsetType = UNSET


class Thinking(Shape, frozen=True, tag_field="type", tag="thinking"):
    thinking: str
    signature: str


class RedactedThinking(Shape, frozen=True, tag_field="type", tag="redacted_thinking"):
    data: str


class ToolUse(Shape, frozen=True, tag_field="type", tag="tool_use"):
    id: str
    name: str
    input: dict[str, Any]


SearchErrorCode: TypeAlias = Literal[
    "invalid_tool_input", "unavailable", "too_many_requests", "execution_time_exceeded"
]


class ServerToolUse(Shape, frozen=True, tag_field="type", tag="server_tool_use"):
    id: str
    name: str
    input: dict[str, Any]


class ToolReference(Shape, frozen=True, tag_field="type", tag="tool_reference"):
    tool_name: str


class ToolSearchFound(Shape, frozen=True, tag_field="type", tag="tool_search_tool_search_result"):
    tool_references: Sequence[ToolReference]


class ToolSearchFailed(Shape, frozen=True, tag_field="type", tag="tool_search_tool_result_error"):
    error_code: SearchErrorCode


class ToolSearchResult(Shape, frozen=True, tag_field="type", tag="tool_search_tool_result"):
    tool_use_id: str
    content: ToolSearchFound | ToolSearchFailed


class OutputDetails(Shape, frozen=True):
    thinking_tokens: int


class ServerToolUsage(Shape, frozen=True):
    """How often Anthropic's tools were run; the gateway has the two searches. A search of the web
    that failed is not counted.
    """

    tool_search_requests: int
    web_search_requests: int = 0
    web_fetch_requests: int = 0


class DeltaUsage(Shape, frozen=True):
    """``output_tokens_details`` is there if the model reasoned, ``server_tool_use`` if the gateway
    ran a tool, ``iterations`` if the conversation was compacted: what that took is there alone.
    """

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    output_tokens: int
    output_tokens_details: OutputDetails | None = None
    server_tool_use: ServerToolUsage | None = None
    iterations: list[Iteration] | UnsetType = UNSET


class Usage(DeltaUsage, frozen=True):
    """The service says nothing of the last three: they are always null."""

    cache_creation: None = None
    inference_geo: None = None
    service_tier: None = None


RefusalCategory: TypeAlias = Literal[
    "cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"
]


class Refusal(Shape, frozen=True, tag_field="type", tag="refusal"):
    category: RefusalCategory | None
    explanation: str | None


class SafeguardUnavailable(Shape, frozen=True, tag_field="type", tag="unavailable"):
    reason: Literal["disabled"]


class SafeguardResult(Shape, frozen=True):
    """What came of a check that the client asked for (Claude Code's auto mode)."""

    type: str
    status: SafeguardUnavailable


Block: TypeAlias = (
    Text
    | Thinking
    | RedactedThinking
    | ToolUse
    | ServerToolUse
    | ToolSearchResult
    | WebSearchResult
    | Compaction
)
StopReason: TypeAlias = Literal[
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "model_context_window_exceeded",
    "pause_turn",
    "refusal",
    "compaction",
]


class Message(Shape, frozen=True):
    """The answer of ``POST /v1/messages``. ``stop_reason`` is null while a stream is under way."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: Sequence[Block]
    stop_reason: StopReason | None
    stop_sequence: str | None
    stop_details: Refusal | None
    usage: Usage
    safeguard_results: Sequence[SafeguardResult] | UnsetType = UNSET
    context_management: ContextManagement | UnsetType = UNSET


class TokenCount(Shape, frozen=True):
    """The answer of ``POST /v1/messages/count_tokens``: an estimate. ``context_management`` is
    there if the request asks for edits, or has a summary of earlier turns.
    """

    input_tokens: int
    context_management: OriginalCount | UnsetType = UNSET


class ErrorDetails(Shape, frozen=True):
    error_code: str


ErrorType: TypeAlias = Literal[
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


class AnthropicFailure(Shape, frozen=True):
    """``details`` is there for the failures that clients act upon by a code."""

    type: ErrorType
    message: str
    details: ErrorDetails | UnsetType = UNSET


class AnthropicError(Shape, frozen=True, tag_field="type", tag="error"):
    """The body of any failure, and the event that ends a stream which fails."""

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


class CitationsDelta(Shape, frozen=True, tag_field="type", tag="citations_delta"):
    citation: WebCitation


Delta: TypeAlias = (
    TextDelta | ThinkingDelta | SignatureDelta | InputDelta | CitationsDelta | CompactionDelta
)


class Stopped(Shape, frozen=True):
    stop_reason: StopReason
    stop_sequence: str | None
    stop_details: Refusal | None
    safeguard_results: Sequence[SafeguardResult] | UnsetType = UNSET


class MessageStart(Shape, frozen=True, tag_field="type", tag="message_start"):
    message: Message


class BlockStart(Shape, frozen=True, tag_field="type", tag="content_block_start"):
    index: int
    content_block: Block


class BlockDelta(Shape, frozen=True, tag_field="type", tag="content_block_delta"):
    index: int
    delta: Delta


class BlockStop(Shape, frozen=True, tag_field="type", tag="content_block_stop"):
    index: int


class MessageDelta(Shape, frozen=True, tag_field="type", tag="message_delta"):
    delta: Stopped
    usage: DeltaUsage
    context_management: ContextManagement | UnsetType = UNSET


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
