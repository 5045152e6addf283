"""The answers of Chat Completions, as types: a whole completion, and the chunks of a stream.

Answers are made from these structs and described by them in ``/openapi.json``. Every member that a
client's types name is always written: some clients fail without one that they never read. Members
whose default is UNSET are left out where they do not apply.

Source: the types of the ``openai`` SDK 3.57.
"""

from typing import Literal, TypeAlias

from msgspec import UNSET, UnsetType

from app.common.openapi import Shape


class ReplyFunction(Shape, frozen=True):
    """``arguments`` is a JSON object."""

    name: str
    arguments: str


class ReplyToolCall(Shape, frozen=True, tag_field="type", tag="function"):
    id: str
    function: ReplyFunction


class ReplyCustomInput(Shape, frozen=True):
    """``input`` is free text."""

    name: str
    input: str


class ReplyCustomCall(Shape, frozen=True, tag_field="type", tag="custom"):
    id: str
    custom: ReplyCustomInput


class UrlCitation(Shape, frozen=True):
    """``start_index`` and ``end_index`` are characters of the content; the end is behind them."""

    start_index: int
    end_index: int
    url: str
    title: str


class Annotation(Shape, frozen=True, tag_field="type", tag="url_citation"):
    url_citation: UrlCitation


class ReplyMessage(Shape, frozen=True, kw_only=True):
    """``refusal`` says why the answer was declined, if the upstream does. ``reasoning_content`` is
    there if the model's reasoning can be read, ``function_call`` only for requests with
    ``functions``."""

    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    annotations: list[Annotation]
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ReplyToolCall | ReplyCustomCall] | UnsetType = UNSET
    function_call: ReplyFunction | UnsetType = UNSET


FinishReason: TypeAlias = Literal["stop", "tool_calls", "length", "content_filter", "function_call"]


class Choice(Shape, frozen=True):
    index: int
    message: ReplyMessage
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
    service_tier: None
    system_fingerprint: None
    choices: list[Choice]
    usage: Usage


class FunctionDelta(Shape, frozen=True, kw_only=True):
    """``name`` is in the first of a call; ``arguments`` is a fragment of a JSON object."""

    name: str | UnsetType = UNSET
    arguments: str


class CustomDelta(Shape, frozen=True, kw_only=True):
    """``name`` is in the first of a call; ``input`` is a piece of its text."""

    name: str | UnsetType = UNSET
    input: str


class ToolCallDelta(Shape, frozen=True, kw_only=True):
    """``id`` and ``type`` are in the first of a call. Source for ``custom``, which the SDK's types
    lack here: GitHub Copilot CLI, which reads it.
    """

    index: int
    id: str | UnsetType = UNSET
    type: Literal["function", "custom"] | UnsetType = UNSET
    function: FunctionDelta | UnsetType = UNSET
    custom: CustomDelta | UnsetType = UNSET


class Delta(Shape, frozen=True, kw_only=True):
    """``annotations`` are in one chunk, before the last; the SDK's types lack them here, and its
    stream keeps them.
    """

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    refusal: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    tool_calls: list[ToolCallDelta] | UnsetType = UNSET
    function_call: FunctionDelta | UnsetType = UNSET
    annotations: list[Annotation] | UnsetType = UNSET


class ChunkChoice(Shape, frozen=True):
    index: int
    delta: Delta
    logprobs: None
    finish_reason: FinishReason | None


class Chunk(Shape, frozen=True):
    """A stream event. ``usage`` is there for clients that ask for it, and null in all chunks but
    the last."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    service_tier: None
    system_fingerprint: None
    choices: list[ChunkChoice]
    usage: Usage | UnsetType | None = UNSET
