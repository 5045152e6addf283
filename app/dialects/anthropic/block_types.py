"""The content blocks of a Messages API request, as types: one class for each block type.

A class has the members that this gateway reads. The unions at the end list the blocks of each
role.

Source: the types of the ``anthropic`` SDK 2.12 and requests of real clients.
"""

from typing import Any, TypeAlias

from app.core.typed_json import Id, Name, Tagged

# Sources of images and documents


class Base64Source(Tagged, frozen=True, tag="base64"):
    media_type: str
    data: str


class TextSource(Tagged, frozen=True, tag="text"):
    data: str
    media_type: str = "text/plain"


class UrlSource(Tagged, frozen=True, tag="url"):
    url: str


class FileSource(Tagged, frozen=True, tag="file"):
    file_id: str


# Blocks with text in them


class TextBlock(Tagged, frozen=True, tag="text"):
    text: str


class SaidBlock(Tagged, frozen=True, tag="text"):
    """Text of the assistant."""

    text: str
    citations: Any = None


class ImageBlock(Tagged, frozen=True, tag="image"):
    source: Base64Source | UrlSource | FileSource


class ContentSource(Tagged, frozen=True, tag="content"):
    content: str | list[TextBlock | ImageBlock]


class DocumentBlock(Tagged, frozen=True, tag="document"):
    source: Base64Source | TextSource | ContentSource | UrlSource | FileSource
    title: str | None = None
    context: str | None = None


class SearchResultBlock(Tagged, frozen=True, tag="search_result"):
    source: str
    title: str
    content: list[TextBlock]


class ThinkingBlock(Tagged, frozen=True, tag="thinking"):
    thinking: str
    signature: str = ""


class RedactedThinkingBlock(Tagged, frozen=True, tag="redacted_thinking"):
    data: str


# Tools of the client


class ToolUseBlock(Tagged, frozen=True, tag="tool_use"):
    """``caller`` is what called the tool, as the API said it; here it is always the model."""

    id: Id
    name: Name
    input: dict[str, Any]
    caller: Any = None


class ToolReferenceBlock(Tagged, frozen=True, tag="tool_reference"):
    tool_name: str


class BrowserStateBlock(Tagged, frozen=True, tag="browser_state"):
    tabs: list[Any]
    state_changes: list[Any] | None = None


class ToolResultBlock(Tagged, frozen=True, tag="tool_result"):
    tool_use_id: Id
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


# What Anthropic's servers did in an earlier turn


class ServerToolUseBlock(Tagged, frozen=True, tag="server_tool_use"):
    id: str
    name: str
    input: Any = None
    caller: Any = None


class McpToolUseBlock(Tagged, frozen=True, tag="mcp_tool_use"):
    id: str
    name: str
    server_name: str
    input: Any = None


class _ServerToolResult(Tagged, frozen=True):
    tool_use_id: str
    content: Any = None
    caller: Any = None


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


class McpToolListingBlock(Tagged, frozen=True, tag="mcp_tool_listing"):
    mcp_server_name: str
    tools: list[Any]


class CompactionBlock(Tagged, frozen=True, tag="compaction"):
    """A summary of all before it. It is read whoever wrote it, so the API's signature of it and
    what the API packs in for itself are not needed. ``tool_changes`` are those of the turns that it
    stands for.
    """

    content: str | None = None
    encrypted_content: str | None = None
    signature: str | None = None
    tool_changes: "list[ToolAdditionBlock | ToolRemovalBlock] | None" = None


class FallbackBlock(Tagged, frozen=True, tag="fallback"):
    to: Any = None
    trigger: Any = None


class ContainerUploadBlock(Tagged, frozen=True, tag="container_upload"):
    file_id: str


# Changes of the tool set, inside system messages


class NamedTool(Tagged, frozen=True, tag="tool_reference"):
    name: Name


class McpToolReference(Tagged, frozen=True, tag="mcp_tool_reference"):
    name: str = ""


class McpToolsetReference(Tagged, frozen=True, tag="mcp_toolset_reference"):
    pass


class ToolDefinition(Tagged, frozen=True, tag="tool_definition"):
    definition: dict[str, Any]


class ToolAdditionBlock(Tagged, frozen=True, tag="tool_addition"):
    tool: NamedTool | McpToolReference | McpToolsetReference | ToolDefinition


class ToolRemovalBlock(Tagged, frozen=True, tag="tool_removal"):
    tool: NamedTool | McpToolReference | McpToolsetReference


# The blocks of each role

EitherBlock: TypeAlias = (
    SearchResultBlock
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
UserBlock: TypeAlias = TextBlock | EitherBlock | ImageBlock | DocumentBlock | ToolResultBlock
AssistantBlock: TypeAlias = (
    SaidBlock | EitherBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock
)
SystemBlock: TypeAlias = TextBlock | ToolAdditionBlock | ToolRemovalBlock
