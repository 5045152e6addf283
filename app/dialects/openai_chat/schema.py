"""The members of a Chat Completions request that this gateway understands, as types.

The types are the validation: required members, ranges of numbers and the parts that each role
allows. A member that is not declared is no error: it is ignored, and named in a header of the
answer. Members that are checked but have no effect are in :data:`NOT_HONOURED`.

``tools`` are declared in :mod:`~app.dialects.openai_chat.tool_forms`: unknown types of tools must
be ignored and not refused.

Source: the types of the ``openai`` SDK 3.57 and requests of real clients.
"""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct

from app.core.typed_json import Id, Label, Name, Tagged
from app.dialects.web_search import ContextSize, Place

from .messages_blocks import AssistantBlock, UserBlock

Positive: TypeAlias = Annotated[int, Meta(ge=1)]
Penalty: TypeAlias = Annotated[float, Meta(ge=-2, le=2)]
StopSequence: TypeAlias = Annotated[str, Meta(min_length=1)]


# Parts of a message's content


class TextPart(Tagged, frozen=True, tag="text"):
    text: str


class RefusalPart(Tagged, frozen=True, tag="refusal"):
    refusal: str


class ImageUrl(Struct, frozen=True):
    url: str


class ImagePart(Tagged, frozen=True, tag="image_url"):
    image_url: ImageUrl


class AudioPart(Tagged, frozen=True, tag="input_audio"):
    """Refused by name."""


class File(Struct, frozen=True):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class FilePart(Tagged, frozen=True, tag="file"):
    file: File


ResultPart: TypeAlias = TextPart | ImagePart | AudioPart | FilePart
UserPart: TypeAlias = ResultPart | UserBlock
AssistantPart: TypeAlias = TextPart | RefusalPart | AssistantBlock


# Calls that the assistant made


class CalledFunction(Struct, frozen=True):
    name: Name
    arguments: str


class CalledCustomTool(Struct, frozen=True):
    name: Name
    input: str


class ToolCall(Struct, frozen=True):
    """Some clients leave out ``type``. A call has ``function`` or ``custom``."""

    id: Id
    function: CalledFunction | None = None
    custom: CalledCustomTool | None = None
    type: Name | None = None


# Messages. ``name`` tells speakers of the same role apart.


class SystemMessage(Struct, frozen=True, tag_field="role", tag="system", gc=False):
    content: str | list[TextPart]
    name: Label | None = None


class DeveloperMessage(Struct, frozen=True, tag_field="role", tag="developer", gc=False):
    content: str | list[TextPart]
    name: Label | None = None


class UserMessage(Struct, frozen=True, tag_field="role", tag="user", gc=False):
    content: str | list[UserPart]
    name: Label | None = None


class AssistantMessage(Struct, frozen=True, tag_field="role", tag="assistant", gc=False):
    content: str | list[AssistantPart] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: CalledFunction | None = None
    name: Label | None = None
    annotations: Any = None


class ToolMessage(Struct, frozen=True, tag_field="role", tag="tool", gc=False):
    """The API allows only text as content; clients send images too."""

    tool_call_id: Id
    content: str | list[ResultPart] | None = None


class FunctionMessage(Struct, frozen=True, tag_field="role", tag="function", gc=False):
    name: Name
    content: str | None = None


AnyMessage: TypeAlias = (
    SystemMessage
    | DeveloperMessage
    | UserMessage
    | AssistantMessage
    | ToolMessage
    | FunctionMessage
)


# How the answer should be made


class Named(Struct, frozen=True):
    name: Name


class Function(Struct, frozen=True):
    """A function that the model may call: inside a tool, or in ``functions``."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class NamedFunction(Tagged, frozen=True, tag="function"):
    """``name`` is where Responses has it."""

    function: Named | None = None
    name: Name | None = None


class NamedCustomTool(Tagged, frozen=True, tag="custom"):
    """``name`` is where Responses has it."""

    custom: Named | None = None
    name: Name | None = None


class MessagesNamedTool(Tagged, frozen=True, tag="tool"):
    """As Anthropic Messages has it, like the three that follow."""

    name: Name


class MessagesAuto(Tagged, frozen=True, tag="auto"):
    pass


class MessagesAny(Tagged, frozen=True, tag="any"):
    pass


class MessagesNone(Tagged, frozen=True, tag="none"):
    pass


NamedChoice: TypeAlias = NamedFunction | NamedCustomTool | MessagesNamedTool
NAMED_TOOLS = (NamedFunction, NamedCustomTool, MessagesNamedTool)
MESSAGES_MODES: dict[type, str] = {
    MessagesAuto: "auto",
    MessagesAny: "required",
    MessagesNone: "none",
}
"""The API's own words."""


class AllowedTool(Struct, frozen=True):
    function: Named | None = None
    custom: Named | None = None
    type: Name = "function"


class AllowedTools(Struct, frozen=True):
    mode: Name
    tools: list[AllowedTool]


class AllowedToolsChoice(Tagged, frozen=True, tag="allowed_tools"):
    allowed_tools: AllowedTools


Choice: TypeAlias = NamedChoice | AllowedToolsChoice | MessagesAuto | MessagesAny | MessagesNone


class TextFormat(Tagged, frozen=True, tag="text"):
    pass


class JsonObjectFormat(Tagged, frozen=True, tag="json_object"):
    pass


class JsonSchema(Struct, frozen=True):
    name: Label | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class JsonSchemaFormat(Tagged, frozen=True, tag="json_schema"):
    json_schema: JsonSchema


class StreamOptions(Struct, frozen=True):
    include_usage: bool | None = None


class UserLocation(Struct, frozen=True):
    """Where the user is."""

    approximate: Place
    type: Literal["approximate"] = "approximate"


class WebSearchOptions(Struct, frozen=True):
    """Of the search of the web that the gateway runs."""

    search_context_size: ContextSize | None = None
    user_location: UserLocation | None = None


class ChatRequest(Struct, frozen=True, kw_only=True):
    """The body of ``POST /v1/chat/completions``."""

    model: Name
    messages: Annotated[list[AnyMessage], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: Label | Choice | None = None
    functions: list[Function] | None = None
    function_call: Label | Named | None = None
    response_format: TextFormat | JsonObjectFormat | JsonSchemaFormat | None = None
    reasoning_effort: Label | None = None
    prompt_cache_key: Label | None = None
    service_tier: Label | None = None
    n: Positive | None = None
    best_of: Positive | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0)] | None = None
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    stop: StopSequence | Annotated[list[StopSequence], Meta(max_length=4)] | None = None
    parallel_tool_calls: bool | None = None
    web_search_options: WebSearchOptions | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    seed: int | None = None
    logit_bias: dict[Name, Annotated[float, Meta(ge=-100, le=100)]] | None = None


NOT_HONOURED = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "logit_bias",
)
