"""The members of a Responses API request that this gateway understands, as types.

The types are the validation. A member that is not declared is no error: it is ignored, and named in
a header of the answer. Members that are checked but have no effect are in :data:`NOT_HONOURED`.
What the API requires although its types do not is in :mod:`.required`.

The items of ``input`` are declared in :mod:`.items.types`, ``tools`` and ``tool_choice`` in
:mod:`.tools`: their unknown types must be ignored and not refused.

Source: the types of the ``openai`` SDK 3.54 and requests of real clients.
"""

from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from app.core.typed_json import Label, Name, Tagged


class TextFormat(Tagged, frozen=True, tag="text"):
    pass


class JsonObjectFormat(Tagged, frozen=True, tag="json_object"):
    pass


class JsonSchemaFormat(Tagged, frozen=True, tag="json_schema"):
    schema: dict[str, Any]
    name: Label | None = None
    description: str | None = None
    strict: bool | None = None


class TextConfig(Struct, frozen=True):
    format: TextFormat | JsonObjectFormat | JsonSchemaFormat | None = None


class ReasoningConfig(Struct, frozen=True):
    """``generate_summary`` is the old name of ``summary``."""

    effort: Label | None = None
    summary: Label | None = None
    generate_summary: Label | None = None


class ContextManagement(Struct, frozen=True):
    """``compact_threshold`` is in tokens."""

    type: Label
    compact_threshold: Annotated[int, Meta(ge=1)] | None = None


Metadata: TypeAlias = Annotated[
    dict[Name, Annotated[str, Meta(max_length=4096)]], Meta(max_length=64)
]
"""The API allows 16 pairs, names of 64 and values of 512 characters."""


class ConversationParam(Struct, frozen=True):
    id: Label


class ResponsesRequest(Struct, frozen=True, kw_only=True):
    """The body of ``POST /v1/responses``."""

    model: Annotated[str, Meta(max_length=256)] | None = None
    input: str | list[dict[str, Any]] | None = None
    instructions: str | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Label | dict[str, Any] | None = None
    reasoning: ReasoningConfig | None = None
    text: TextConfig | None = None
    include: list[str] | None = None
    metadata: Metadata | None = None
    prompt_cache_key: Label | None = None
    stream: bool | None = None
    store: bool | None = None
    parallel_tool_calls: bool | None = None
    truncation: str | None = None
    max_output_tokens: Annotated[int, Meta(ge=16)] | None = None
    max_tool_calls: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    previous_response_id: Label | None = None
    conversation: Label | ConversationParam | None = None
    context_management: list[ContextManagement] | None = None
    # refused if given: see parse.NOT_KEPT
    prompt: None = None
    background: bool | None = None


NOT_HONOURED: dict[str, Any] = {
    "truncation": "disabled",
    "temperature": None,
    "top_p": None,
}
"""Members that have no effect, each with the value that describes what happens anyway; the answer
has that value.
"""
ENCRYPTED_REASONING = "reasoning.encrypted_content"
"""The value of ``include`` that asks for reasoning with its content."""
