"""The answers of the Responses API, as types: a whole response, its items, and stream events.

Answers are made from these structs and described by them in ``/openapi.json``. Every member that a
client's types name is always written: some clients fail without one that they never read.

Source: the types of the ``openai`` SDK 3.54.
"""

from typing import Any, Literal, TypeAlias

from msgspec import UNSET, UnsetType

from app.common.openapi import Shape
from app.dialects.openai import OpenAIFailure

from .search_shapes import SearchEvent, UrlCitation, WebSearchCall

ItemStatus: TypeAlias = Literal["in_progress", "completed", "incomplete"]


class OutputText(Shape, frozen=True, tag_field="type", tag="output_text"):
    text: str
    annotations: list[UrlCitation]
    logprobs: list[Any]


class OutputRefusal(Shape, frozen=True, tag_field="type", tag="refusal"):
    refusal: str


Part: TypeAlias = OutputText | OutputRefusal


class OutputMessage(Shape, frozen=True, tag_field="type", tag="message"):
    id: str
    status: ItemStatus
    role: Literal["assistant"]
    content: list[Part]


class SummaryText(Shape, frozen=True, tag_field="type", tag="summary_text"):
    text: str


class ReasoningItem(Shape, frozen=True, tag_field="type", tag="reasoning"):
    id: str
    summary: list[SummaryText]
    encrypted_content: str | None


class Compaction(Shape, frozen=True, tag_field="type", tag="compaction"):
    id: str
    encrypted_content: str
    created_by: None = None


class FunctionCall(Shape, frozen=True, kw_only=True, tag_field="type", tag="function_call"):
    id: str
    status: ItemStatus
    call_id: str
    name: str
    namespace: str | UnsetType = UNSET
    arguments: str
    encrypted_function_args: list[str] | UnsetType = UNSET


class CustomToolCall(Shape, frozen=True, kw_only=True, tag_field="type", tag="custom_tool_call"):
    id: str
    status: ItemStatus
    call_id: str
    name: str
    namespace: str | UnsetType = UNSET
    input: str


class ToolSearchCall(Shape, frozen=True, kw_only=True, tag_field="type", tag="tool_search_call"):
    id: str
    status: ItemStatus
    call_id: str
    execution: Literal["client"]
    arguments: dict[str, Any]


Call: TypeAlias = FunctionCall | CustomToolCall | ToolSearchCall


class Incomplete(Shape, frozen=True):
    reason: Literal["max_output_tokens", "content_filter"]


class InputDetails(Shape, frozen=True):
    cached_tokens: int
    cache_write_tokens: int


class OutputDetails(Shape, frozen=True):
    reasoning_tokens: int


class Usage(Shape, frozen=True):
    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: OutputDetails
    total_tokens: int


class ReasoningInEffect(Shape, frozen=True):
    effort: str | None
    summary: str | None


class ConversationInEffect(Shape, frozen=True):
    id: str


Item: TypeAlias = OutputMessage | ReasoningItem | Compaction | Call | WebSearchCall


class _Response(Shape, frozen=True, kw_only=True):
    """The members from ``store`` on, and those that name what it follows, repeat the request, as
    far as it is honoured.
    """

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: str
    background: bool
    error: OpenAIFailure | None
    incomplete_details: Incomplete | None
    model: str
    output: list[Item]
    usage: Usage | None
    conversation: ConversationInEffect | None
    previous_response_id: str | None
    prompt: None
    max_tool_calls: int | None
    top_logprobs: None
    safety_identifier: None
    service_tier: None
    user: None
    store: bool
    parallel_tool_calls: bool
    truncation: Literal["disabled"]
    max_output_tokens: int | None
    temperature: None
    top_p: None
    instructions: str | None
    metadata: dict[str, str]
    prompt_cache_key: str | None
    reasoning: ReasoningInEffect
    text: dict[str, Any]
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]


class Response(_Response, frozen=True, kw_only=True):
    """The answer of ``POST /v1/responses``."""

    status: Literal["completed", "incomplete"]
    error: None
    usage: Usage


class UnfinishedResponse(_Response, frozen=True, kw_only=True):
    """A response whose stream is under way, or has failed."""

    status: Literal["in_progress", "failed"]
    usage: None


class InputTokens(Shape, frozen=True, tag_field="object", tag="response.input_tokens"):
    """The answer of ``POST /v1/responses/input_tokens``."""

    input_tokens: int


# Stream events. A delta has its number at the end, where it is written after the text.


class Numbered(Shape, frozen=True, tag_field="type"):
    sequence_number: int


class ResponseCreated(Numbered, frozen=True, tag="response.created"):
    response: UnfinishedResponse


class ResponseInProgress(Numbered, frozen=True, tag="response.in_progress"):
    response: UnfinishedResponse


class StreamError(Shape, frozen=True, tag_field="type", tag="error"):
    """A failure, before the response that failed. The API documents the flat members and sends the
    nested ones (openai/openai-dotnet#881); the official SDKs raise at ``error`` and at no other
    member of any event.
    """

    code: str | None
    message: str
    param: str | None
    error: OpenAIFailure
    sequence_number: int


class ResponseFailed(Numbered, frozen=True, tag="response.failed"):
    response: UnfinishedResponse


class ResponseCompleted(Numbered, frozen=True, tag="response.completed"):
    response: Response


class ResponseIncomplete(Numbered, frozen=True, tag="response.incomplete"):
    response: Response


class ItemAdded(Numbered, frozen=True, tag="response.output_item.added"):
    output_index: int
    item: Item


class ItemDone(Numbered, frozen=True, tag="response.output_item.done"):
    output_index: int
    item: Item


class InItem(Numbered, frozen=True):
    item_id: str
    output_index: int


class PartAdded(InItem, frozen=True, tag="response.content_part.added"):
    content_index: int
    part: Part


class PartDone(InItem, frozen=True, tag="response.content_part.done"):
    content_index: int
    part: Part


class TextDone(InItem, frozen=True, tag="response.output_text.done"):
    content_index: int
    text: str
    logprobs: list[Any]


class RefusalDone(InItem, frozen=True, tag="response.refusal.done"):
    content_index: int
    refusal: str


class SummaryPartAdded(InItem, frozen=True, tag="response.reasoning_summary_part.added"):
    summary_index: int
    part: SummaryText


class SummaryPartDone(InItem, frozen=True, tag="response.reasoning_summary_part.done"):
    summary_index: int
    part: SummaryText


class SummaryDone(InItem, frozen=True, tag="response.reasoning_summary_text.done"):
    summary_index: int
    text: str


class ArgumentsDone(InItem, frozen=True, tag="response.function_call_arguments.done"):
    arguments: str


class InputDone(InItem, frozen=True, tag="response.custom_tool_call_input.done"):
    input: str


class DeltaEvent(Shape, frozen=True, tag_field="type"):
    item_id: str
    output_index: int


class TextDelta(DeltaEvent, frozen=True, tag="response.output_text.delta"):
    content_index: int
    logprobs: list[Any]
    delta: str
    sequence_number: int


class RefusalDelta(DeltaEvent, frozen=True, tag="response.refusal.delta"):
    content_index: int
    delta: str
    sequence_number: int


class SummaryDelta(DeltaEvent, frozen=True, tag="response.reasoning_summary_text.delta"):
    summary_index: int
    delta: str
    sequence_number: int


class ArgumentsDelta(DeltaEvent, frozen=True, tag="response.function_call_arguments.delta"):
    delta: str
    sequence_number: int


class InputDelta(DeltaEvent, frozen=True, tag="response.custom_tool_call_input.delta"):
    delta: str
    sequence_number: int


Delta: TypeAlias = TextDelta | RefusalDelta | SummaryDelta | ArgumentsDelta | InputDelta
Event: TypeAlias = (
    ResponseCreated
    | ResponseInProgress
    | StreamError
    | ResponseFailed
    | ResponseCompleted
    | ResponseIncomplete
    | ItemAdded
    | ItemDone
    | PartAdded
    | PartDone
    | TextDelta
    | TextDone
    | SearchEvent
    | RefusalDelta
    | RefusalDone
    | SummaryPartAdded
    | SummaryPartDone
    | SummaryDelta
    | SummaryDone
    | ArgumentsDelta
    | ArgumentsDone
    | InputDelta
    | InputDone
)
