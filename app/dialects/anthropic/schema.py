"""What of a Messages API request this gateway understands, as types.

The types are the validation: a member that is required, a number's range, and which block may stand
under which role are all told here and checked by msgspec. A member that is not here is not an
error: it is ignored, and named in the answer's headers. Members that are only checked, and not
acted upon, are in :data:`NOT_HONOURED`.

Not here: the forms of ``tools``, whose unknown types must be ignored and not refused (see
:mod:`~app.dialects.anthropic.tools`).

Source: the types of the ``anthropic`` SDK 2.12 and requests of real clients.
"""

from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

NotEmpty: TypeAlias = Annotated[str, Meta(min_length=1)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


class _Tagged(Struct, frozen=True, tag_field="type"):
    pass


# Sources of images and documents


class Base64Source(_Tagged, frozen=True, tag="base64"):
    media_type: str
    data: str


class TextSource(_Tagged, frozen=True, tag="text"):
    data: str
    media_type: str = "text/plain"


class UrlSource(_Tagged, frozen=True, tag="url"):
    url: str


class FileSource(_Tagged, frozen=True, tag="file"):
    file_id: str


# Blocks with text in them


class TextBlock(_Tagged, frozen=True, tag="text"):
    text: str


class ImageBlock(_Tagged, frozen=True, tag="image"):
    source: Base64Source | UrlSource | FileSource


class ContentSource(_Tagged, frozen=True, tag="content"):
    content: str | list[TextBlock | ImageBlock]


class DocumentBlock(_Tagged, frozen=True, tag="document"):
    source: Base64Source | TextSource | ContentSource | UrlSource | FileSource
    title: str | None = None
    context: str | None = None


class SearchResultBlock(_Tagged, frozen=True, tag="search_result"):
    source: str
    title: str
    content: list[TextBlock]


class ThinkingBlock(_Tagged, frozen=True, tag="thinking"):
    thinking: str
    signature: str = ""


class RedactedThinkingBlock(_Tagged, frozen=True, tag="redacted_thinking"):
    data: str


# Tools of the client


class ToolUseBlock(_Tagged, frozen=True, tag="tool_use"):
    id: NotEmpty
    name: NotEmpty
    input: dict[str, Any]


class ToolReferenceBlock(_Tagged, frozen=True, tag="tool_reference"):
    tool_name: str


class BrowserStateBlock(_Tagged, frozen=True, tag="browser_state"):
    tabs: list[Any]
    state_changes: list[Any] | None = None


class ToolResultBlock(_Tagged, frozen=True, tag="tool_result"):
    tool_use_id: NotEmpty
    content: (
        str
        | list[
            TextBlock
            | ImageBlock
            | DocumentBlock
            | SearchResultBlock
            | ToolReferenceBlock
            | BrowserStateBlock
        ]
        | None
    ) = None
    is_error: bool | None = None


# What Anthropic's own servers did in an earlier turn


class ServerToolUseBlock(_Tagged, frozen=True, tag="server_tool_use"):
    id: str
    name: str
    input: Any = None


class McpToolUseBlock(_Tagged, frozen=True, tag="mcp_tool_use"):
    id: str
    name: str
    server_name: str
    input: Any = None


class _ServerToolResult(_Tagged, frozen=True):
    tool_use_id: str
    content: Any = None


class WebSearchResultBlock(_ServerToolResult, frozen=True, tag="web_search_tool_result"):
    pass


class WebFetchResultBlock(_ServerToolResult, frozen=True, tag="web_fetch_tool_result"):
    pass


class CodeExecutionResultBlock(_ServerToolResult, frozen=True, tag="code_execution_tool_result"):
    pass


class BashExecutionResultBlock(
    _ServerToolResult, frozen=True, tag="bash_code_execution_tool_result"
):
    pass


class EditorExecutionResultBlock(
    _ServerToolResult, frozen=True, tag="text_editor_code_execution_tool_result"
):
    pass


class ToolSearchResultBlock(_ServerToolResult, frozen=True, tag="tool_search_tool_result"):
    pass


class AdvisorResultBlock(_ServerToolResult, frozen=True, tag="advisor_tool_result"):
    pass


class McpToolResultBlock(_ServerToolResult, frozen=True, tag="mcp_tool_result"):
    is_error: bool | None = None


class McpToolListingBlock(_Tagged, frozen=True, tag="mcp_tool_listing"):
    mcp_server_name: str
    tools: list[Any]


class CompactionBlock(_Tagged, frozen=True, tag="compaction"):
    content: str | None = None


class FallbackBlock(_Tagged, frozen=True, tag="fallback"):
    to: Any = None
    trigger: Any = None


class ContainerUploadBlock(_Tagged, frozen=True, tag="container_upload"):
    file_id: str


# Changes of the tool set, inside system messages


class NamedTool(_Tagged, frozen=True, tag="tool_reference"):
    name: str


class McpToolReference(_Tagged, frozen=True, tag="mcp_tool_reference"):
    name: str = ""


class McpToolsetReference(_Tagged, frozen=True, tag="mcp_toolset_reference"):
    pass


class ToolDefinition(_Tagged, frozen=True, tag="tool_definition"):
    definition: dict[str, Any]


class ToolAdditionBlock(_Tagged, frozen=True, tag="tool_addition"):
    tool: NamedTool | McpToolReference | McpToolsetReference | ToolDefinition


class ToolRemovalBlock(_Tagged, frozen=True, tag="tool_removal"):
    tool: NamedTool | McpToolReference | McpToolsetReference


# Messages

EitherBlock: TypeAlias = (
    TextBlock
    | SearchResultBlock
    | ContainerUploadBlock
    | ServerToolUseBlock
    | McpToolUseBlock
    | WebSearchResultBlock
    | WebFetchResultBlock
    | CodeExecutionResultBlock
    | BashExecutionResultBlock
    | EditorExecutionResultBlock
    | ToolSearchResultBlock
    | AdvisorResultBlock
    | McpToolResultBlock
    | McpToolListingBlock
    | CompactionBlock
    | FallbackBlock
)
UserBlock: TypeAlias = EitherBlock | ImageBlock | DocumentBlock | ToolResultBlock
AssistantBlock: TypeAlias = EitherBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock


class UserMessage(Struct, frozen=True, tag_field="role", tag="user"):
    content: str | list[UserBlock]


class AssistantMessage(Struct, frozen=True, tag_field="role", tag="assistant"):
    content: str | list[AssistantBlock]


class TurnConfig(Struct, frozen=True):
    effort: str | None = None


class SystemMessage(Struct, frozen=True, tag_field="role", tag="system"):
    content: str | list[TextBlock | ToolAdditionBlock | ToolRemovalBlock] = ""
    output_config: TurnConfig | None = None
    clear_at: str | None = None


# How the answer should be made


class ToolChoiceAuto(_Tagged, frozen=True, tag="auto"):
    pass


class ToolChoiceAny(_Tagged, frozen=True, tag="any"):
    pass


class ToolChoiceTool(_Tagged, frozen=True, tag="tool"):
    name: NotEmpty


class ToolChoiceNone(_Tagged, frozen=True, tag="none"):
    pass


class ThinkingEnabled(_Tagged, frozen=True, tag="enabled"):
    budget_tokens: Annotated[int, Meta(ge=1024)]
    display: str | None = None


class ThinkingAdaptive(_Tagged, frozen=True, tag="adaptive"):
    display: str | None = None


class ThinkingBetweenTools(_Tagged, frozen=True, tag="between_tools"):
    pass


class ThinkingDisabled(_Tagged, frozen=True, tag="disabled"):
    pass


class JsonSchemaFormat(_Tagged, frozen=True, tag="json_schema"):
    schema: dict[str, Any]


class OutputConfig(Struct, frozen=True):
    effort: str | None = None
    format: JsonSchemaFormat | None = None


class Metadata(Struct, frozen=True):
    user_id: str | None = None


class CountTokensRequest(Struct, frozen=True, kw_only=True):
    """The body of ``POST /v1/messages/count_tokens``."""

    model: NotEmpty
    messages: Annotated[list[UserMessage | AssistantMessage | SystemMessage], Meta(min_length=1)]
    system: str | list[TextBlock] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: ToolChoiceAuto | ToolChoiceAny | ToolChoiceTool | ToolChoiceNone | None = None
    thinking: (
        ThinkingEnabled | ThinkingAdaptive | ThinkingBetweenTools | ThinkingDisabled | None
    ) = None
    output_config: OutputConfig | None = None
    output_format: JsonSchemaFormat | None = None
    metadata: Metadata | None = None


class MessagesRequest(CountTokensRequest, frozen=True, kw_only=True):
    """The body of ``POST /v1/messages``. ``max_tokens`` may be 0 (a client warms its cache)."""

    max_tokens: Annotated[int, Meta(ge=0)]
    stream: bool | None = None
    stop_sequences: list[str] | None = None
    temperature: Share | None = None
    top_p: Share | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None


NOT_HONOURED = ("max_tokens", "stop_sequences", "temperature", "top_p", "top_k")
EFFORTS = ("low", "medium", "high", "xhigh", "max")
