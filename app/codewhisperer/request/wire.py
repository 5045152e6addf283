"""The body of a GenerateAssistantResponse request. The structs mirror the service model.

Members that a gateway does not use are omitted. Optional members are not sent at their default.
"""

from typing import Any

from msgspec import Raw, Struct


class WireObject(Struct, rename="camel", omit_defaults=True, gc=False):
    """Base class of the body's objects. They form a tree, so garbage collection is off for them."""


class ImageSource(WireObject):
    """``bytes`` is base64; the service accepts no URLs."""

    bytes: str


class ImageBlock(WireObject):
    """``format``: png, jpeg, gif or webp."""

    format: str
    source: ImageSource


class DocumentSource(WireObject):
    """``bytes`` is base64."""

    bytes: str


class DocumentBlock(WireObject):
    """``name`` is without an ending, and unique in the request; ``format``: pdf, doc, docx, xls or
    xlsx. The service also takes texts (csv, html, md, txt), which this gateway writes into the
    content: it works on every host.
    """

    name: str
    format: str
    source: DocumentSource


class ToolResultText(WireObject):
    """One text of a tool result."""

    text: str


class ToolResult(WireObject):
    """``status``: success or error."""

    tool_use_id: str
    content: list[ToolResultText]
    status: str


class InputSchema(WireObject):
    """A JSON Schema document whose root is an object; encoded."""

    json: Raw


class ToolSpecification(WireObject):
    """An offered tool."""

    name: str
    description: str
    input_schema: InputSchema


class Tool(WireObject):
    """A union; only this variant is used."""

    tool_specification: ToolSpecification


class UserInputMessageContext(WireObject):
    """``tools`` only in the current message."""

    tool_results: list[ToolResult] = []
    tools: list[Tool] = []


class UserInputMessage(WireObject):
    """A user's turn."""

    content: str
    model_id: str
    origin: str
    images: list[ImageBlock] = []
    documents: list[DocumentBlock] = []
    user_input_message_context: UserInputMessageContext | None = None


class ToolUse(WireObject):
    """A tool call. ``input`` is a JSON object, not a string that contains JSON."""

    tool_use_id: str
    name: str
    input: dict[str, Any]


class ReasoningText(WireObject):
    """Reasoning as the service sent it."""

    text: str
    signature: str


class ReasoningContent(WireObject):
    """A union: exactly one member is set. ``redacted_content`` is base64."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class AssistantResponseMessage(WireObject):
    """An assistant's turn, in the history only."""

    content: str
    tool_uses: list[ToolUse] = []
    reasoning_content: ReasoningContent | None = None


class UserTurn(WireObject):
    """User variant of the union ChatMessage."""

    user_input_message: UserInputMessage


class AssistantTurn(WireObject):
    """Assistant variant of the union ChatMessage."""

    assistant_response_message: AssistantResponseMessage


class ConversationState(WireObject):
    """The turns in ``history`` alternate; the first is the user's, the last the assistant's. The
    last two ids are :class:`app.codewhisperer.conversation_ids.ConversationIds`'.
    """

    chat_trigger_type: str
    conversation_id: str
    current_message: UserTurn
    agent_task_type: str
    history: list[UserTurn | AssistantTurn] = []
    agent_continuation_id: str = ""
    root_conversation_id: str = ""


class GenerateAssistantResponse(WireObject):
    """``additional_model_request_fields`` depend on the model; a model without any rejects them.
    ``agent_mode`` is a member in the JSON RPC binding, and a header in that of REST.
    """

    conversation_state: ConversationState
    profile_arn: str | None = None
    agent_mode: str | None = None
    additional_model_request_fields: dict[str, Any] | None = None
