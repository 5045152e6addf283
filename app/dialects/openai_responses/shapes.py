"""The operation of the Responses API for the service's description, and the shape of its answer.

The shapes are for the description alone: the answer is made in :mod:`.reply`.
"""

from typing import Any, Literal, TypeAlias

from app.dialects.openai import OpenAIFailure
from app.openapi import JSON, Operation, Shape

from .schema import ResponsesRequest


class OutputText(Shape, frozen=True, tag_field="type", tag="output_text"):
    text: str
    annotations: list[Any]
    logprobs: list[Any]


class OutputMessage(Shape, frozen=True, tag_field="type", tag="message"):
    id: str
    status: Literal["in_progress", "completed"]
    role: Literal["assistant"]
    content: list[OutputText]


class SummaryText(Shape, frozen=True, tag_field="type", tag="summary_text"):
    text: str


class ReasoningItem(Shape, frozen=True, tag_field="type", tag="reasoning"):
    id: str
    summary: list[SummaryText]
    encrypted_content: str | None


class FunctionCall(Shape, frozen=True, tag_field="type", tag="function_call"):
    id: str
    status: Literal["in_progress", "completed"]
    call_id: str
    name: str
    arguments: str
    namespace: str = ""


class CustomToolCall(Shape, frozen=True, tag_field="type", tag="custom_tool_call"):
    id: str
    status: Literal["in_progress", "completed"]
    call_id: str
    name: str
    input: str
    namespace: str = ""


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


Item: TypeAlias = OutputMessage | ReasoningItem | FunctionCall | CustomToolCall


class _Response(Shape, frozen=True, kw_only=True):
    """From ``instructions`` on the members repeat the request, as far as it is honoured."""

    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    background: bool
    incomplete_details: Incomplete | None
    model: str
    output: list[Item]
    conversation: None
    previous_response_id: None
    prompt: None
    max_tool_calls: None
    top_logprobs: None
    safety_identifier: None
    service_tier: None
    user: None
    instructions: str | None
    metadata: dict[str, str]
    prompt_cache_key: str | None
    reasoning: ReasoningInEffect
    text: dict[str, Any]
    tool_choice: str | dict[str, Any]
    tools: list[dict[str, Any]]
    store: bool
    parallel_tool_calls: bool
    truncation: Literal["disabled"]
    max_output_tokens: None
    temperature: None
    top_p: None


class Response(_Response, frozen=True, kw_only=True):
    """The answer of ``POST /v1/responses``."""

    status: Literal["completed", "incomplete"]
    error: None
    usage: Usage


class ResponseUnderWay(_Response, frozen=True, kw_only=True):
    """As it stands before its end, or where it failed."""

    status: Literal["in_progress", "failed"]
    error: OpenAIFailure | None
    usage: None


class Numbered(Shape, frozen=True, kw_only=True, tag_field="type"):
    """An event of a stream."""

    sequence_number: int


class ResponseCreated(Numbered, frozen=True, kw_only=True, tag="response.created"):
    response: ResponseUnderWay


class ResponseInProgress(Numbered, frozen=True, kw_only=True, tag="response.in_progress"):
    response: ResponseUnderWay


class ResponseFailed(Numbered, frozen=True, kw_only=True, tag="response.failed"):
    response: ResponseUnderWay


class ResponseCompleted(Numbered, frozen=True, kw_only=True, tag="response.completed"):
    response: Response


class ResponseIncomplete(Numbered, frozen=True, kw_only=True, tag="response.incomplete"):
    response: Response


class ItemAdded(Numbered, frozen=True, kw_only=True, tag="response.output_item.added"):
    output_index: int
    item: Item


class ItemDone(Numbered, frozen=True, kw_only=True, tag="response.output_item.done"):
    output_index: int
    item: Item


class InItem(Numbered, frozen=True, kw_only=True):
    item_id: str
    output_index: int


class PartAdded(InItem, frozen=True, kw_only=True, tag="response.content_part.added"):
    content_index: int
    part: OutputText


class PartDone(InItem, frozen=True, kw_only=True, tag="response.content_part.done"):
    content_index: int
    part: OutputText


class TextDelta(InItem, frozen=True, kw_only=True, tag="response.output_text.delta"):
    content_index: int
    logprobs: list[Any]
    delta: str


class TextDone(InItem, frozen=True, kw_only=True, tag="response.output_text.done"):
    content_index: int
    logprobs: list[Any]
    text: str


class SummaryPartAdded(
    InItem, frozen=True, kw_only=True, tag="response.reasoning_summary_part.added"
):
    summary_index: int
    part: SummaryText


class SummaryPartDone(
    InItem, frozen=True, kw_only=True, tag="response.reasoning_summary_part.done"
):
    summary_index: int
    part: SummaryText


class SummaryDelta(InItem, frozen=True, kw_only=True, tag="response.reasoning_summary_text.delta"):
    summary_index: int
    delta: str


class SummaryDone(InItem, frozen=True, kw_only=True, tag="response.reasoning_summary_text.done"):
    summary_index: int
    text: str


class ArgumentsDelta(
    InItem, frozen=True, kw_only=True, tag="response.function_call_arguments.delta"
):
    delta: str


class ArgumentsDone(InItem, frozen=True, kw_only=True, tag="response.function_call_arguments.done"):
    arguments: str


class InputDelta(InItem, frozen=True, kw_only=True, tag="response.custom_tool_call_input.delta"):
    delta: str


class InputDone(InItem, frozen=True, kw_only=True, tag="response.custom_tool_call_input.done"):
    input: str


Event: TypeAlias = (
    ResponseCreated
    | ResponseInProgress
    | ResponseFailed
    | ResponseCompleted
    | ResponseIncomplete
    | ItemAdded
    | ItemDone
    | PartAdded
    | PartDone
    | TextDelta
    | TextDone
    | SummaryPartAdded
    | SummaryPartDone
    | SummaryDelta
    | SummaryDone
    | ArgumentsDelta
    | ArgumentsDone
    | InputDelta
    | InputDone
)

OPERATIONS = (
    Operation(
        method="post",
        path="/v1/responses",
        summary="Ask a model for an answer, streamed or whole.",
        request=ResponsesRequest,
        answers={JSON: Response},
        events=[Event],
    ),
)
