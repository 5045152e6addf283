"""The items of the input of a Responses request, as types: one class for each item type.

A class has the members that this gateway reads, and those that clients send back without asking for
anything (ids, states, phases). The content that each role allows is declared here too.

Source: the types of the ``openai`` SDK 3.54, those that ``codex app-server generate-ts`` prints,
and requests of real clients.
"""

from typing import Any, TypeAlias

from msgspec import Struct

from app.core.typed_json import Id, Name, Tagged

# Content


class InputText(Tagged, frozen=True, tag="input_text"):
    text: str


class OutputText(Tagged, frozen=True, tag="output_text"):
    text: str
    annotations: Any = None
    logprobs: Any = None


class Refusal(Tagged, frozen=True, tag="refusal"):
    refusal: str


class InputImage(Tagged, frozen=True, tag="input_image"):
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None


class InputFile(Tagged, frozen=True, tag="input_file"):
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None


class EncryptedContent(Tagged, frozen=True, tag="encrypted_content"):
    """Plain text, or ciphertext that only OpenAI can read."""

    encrypted_content: str


# Messages, distinguished by their role; ``type`` may be left out


class _Message(Struct, frozen=True, kw_only=True, tag_field="role", gc=False):
    type: str | None = None
    id: str | None = None
    status: str | None = None
    phase: str | None = None
    internal_chat_message_metadata_passthrough: Any = None


class UserMessage(_Message, frozen=True, tag="user"):
    content: str | list[InputText | OutputText | InputImage | InputFile]


class SystemMessage(_Message, frozen=True, tag="system"):
    content: str | list[InputText | OutputText]


class DeveloperMessage(_Message, frozen=True, tag="developer"):
    content: str | list[InputText | OutputText]


class AssistantMessage(_Message, frozen=True, tag="assistant"):
    content: str | list[InputText | OutputText | Refusal]


Message: TypeAlias = UserMessage | SystemMessage | DeveloperMessage | AssistantMessage


# Other items


class Item(Tagged, frozen=True, kw_only=True):
    id: str | None = None
    status: str | None = None
    internal_chat_message_metadata_passthrough: Any = None


class FunctionCall(Item, frozen=True, tag="function_call"):
    call_id: Id
    name: Name
    arguments: str
    namespace: Name | None = None
    encrypted_function_args: Any = None


class CustomToolCall(Item, frozen=True, tag="custom_tool_call"):
    call_id: Id
    name: Name
    input: str
    namespace: Name | None = None


Output: TypeAlias = str | list[InputText | OutputText | InputImage | InputFile | EncryptedContent]


class FunctionCallOutput(Item, frozen=True, tag="function_call_output"):
    call_id: Id
    output: Output


class CustomToolCallOutput(Item, frozen=True, tag="custom_tool_call_output"):
    call_id: Id
    output: Output


class AgentMessage(Item, frozen=True, tag="agent_message"):
    """What an agent of the client tells another one: a task, or its result. The first part names
    both of them.
    """

    content: str | list[InputText | OutputText | InputImage | EncryptedContent]
    author: str | None = None
    recipient: str | None = None


class ToolSearchCall(Item, frozen=True, tag="tool_search_call"):
    arguments: Any = None
    call_id: Id | None = None
    execution: str | None = None


class ToolSearchOutput(Item, frozen=True, tag="tool_search_output"):
    tools: list[dict[str, Any]]
    call_id: Id | None = None
    execution: str | None = None


class WebSearchCall(Item, frozen=True, tag="web_search_call"):
    """``encrypted_content`` is there for a search of a response that was kept."""

    action: Any = None
    encrypted_content: str | None = None


class Reasoning(Item, frozen=True, tag="reasoning"):
    encrypted_content: str | None = None
    summary: Any = None
    content: Any = None


class _Carrying(Item, frozen=True):
    """An item that carries a summary, by the names that it has had."""

    encrypted_content: str | None = None
    created_by: str | None = None


class Compaction(_Carrying, frozen=True, tag="compaction"):
    pass


class CompactionSummary(_Carrying, frozen=True, tag="compaction_summary"):
    pass


class ContextCompaction(_Carrying, frozen=True, tag="context_compaction"):
    pass


class CompactionTrigger(Item, frozen=True, tag="compaction_trigger"):
    """Asks for a summary of what comes before it."""


class WithTools(Struct, frozen=True):
    """An item that offers more tools."""

    tools: list[dict[str, Any]]
