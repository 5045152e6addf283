"""The operation of Chat Completions for the service's description, and the shape of its answer.

The shapes are for the description alone: the answer is made in :mod:`.reply`.
"""

from typing import Any, Literal, TypeAlias

from msgspec import field

from app.dialects.openai import OpenAIError
from app.openapi import JSON, Operation, Shape

from .schema import ChatRequest


class AnswerFunction(Shape, frozen=True):
    name: str
    arguments: str


class AnswerCall(Shape, frozen=True, tag_field="type", tag="function"):
    id: str
    function: AnswerFunction


class AnswerMessage(Shape, frozen=True, kw_only=True):
    """``reasoning_content`` is there where the model's reasoning may be read; ``function_call``
    only for requests with ``functions``."""

    role: Literal["assistant"]
    content: str | None
    refusal: None
    annotations: list[Any]
    reasoning_content: str = ""
    tool_calls: list[AnswerCall] = field(default_factory=list)
    function_call: AnswerFunction | None = None


FinishReason: TypeAlias = Literal["stop", "tool_calls", "length", "content_filter", "function_call"]


class Choice(Shape, frozen=True):
    index: int
    message: AnswerMessage
    logprobs: None
    finish_reason: FinishReason


class PromptDetails(Shape, frozen=True):
    cached_tokens: int
    cache_write_tokens: int
    audio_tokens: int


class CompletionDetails(Shape, frozen=True):
    reasoning_tokens: int
    audio_tokens: int
    accepted_prediction_tokens: int
    rejected_prediction_tokens: int


class Usage(Shape, frozen=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails
    completion_tokens_details: CompletionDetails


class Completion(Shape, frozen=True):
    """The answer of ``POST /v1/chat/completions``."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: None
    choices: list[Choice]
    usage: Usage


class FunctionDelta(Shape, frozen=True):
    """``name`` is in the first of a call."""

    arguments: str
    name: str = ""


class CallDelta(Shape, frozen=True):
    """``id`` and ``type`` are in the first of a call."""

    index: int
    function: FunctionDelta
    id: str = ""
    type: Literal["function"] = "function"


class Delta(Shape, frozen=True):
    role: Literal["assistant"] = "assistant"
    content: str = ""
    reasoning_content: str = ""
    tool_calls: list[CallDelta] = field(default_factory=list)
    function_call: FunctionDelta | None = None


class ChunkChoice(Shape, frozen=True):
    index: int
    delta: Delta
    logprobs: None
    finish_reason: FinishReason | None


class Chunk(Shape, frozen=True):
    """``usage`` is there for clients that ask for it, and not null in the last."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    system_fingerprint: None
    choices: list[ChunkChoice]
    usage: Usage | None = None


OPERATIONS = (
    Operation(
        method="post",
        path="/v1/chat/completions",
        summary="Ask a model for an answer, streamed or whole.",
        request=ChatRequest,
        answers={JSON: Completion},
        events=[Chunk, OpenAIError],
        sentinel="[DONE]",
    ),
)
