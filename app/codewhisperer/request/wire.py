"""The body of a GenerateAssistantResponse request, member by member as the service model has it.

Members that a gateway has no use for are left out, as is every optional one at its default.
"""

from typing import Any

from msgspec import Struct


class WireObject(Struct, rename="camel", omit_defaults=True, gc=False):
    """An object of the body; a tree, which no garbage collector need look at."""


class ImageSource(WireObject):
    """``bytes`` is base64; the service takes no URLs."""

    bytes: str


class ImageBlock(WireObject):
    """``format``: png, jpeg, gif or webp."""

    format: str
    source: ImageSource


class ToolResultText(WireObject):
    """One piece of what a tool answered."""

    text: str


class ToolResult(WireObject):
    """``status``: success or error."""

    tool_use_id: str
    content: list[ToolResultText]
    status: str


class InputSchema(WireObject):
    """A JSON Schema document whose root is an object."""

    json: dict[str, Any]


class ToolSpecification(WireObject):
    """A tool on offer."""

    name: str
    description: str
    input_schema: InputSchema


class Tool(WireObject):
    """A union, of which this member alone is of use."""

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
    user_input_message_context: UserInputMessageContext | None = None


class ToolUse(WireObject):
    """``input`` is the object itself, not a string of JSON."""

    tool_use_id: str
    name: str
    input: dict[str, Any]


class ReasoningText(WireObject):
    """Reasoning as the service gave it."""

    text: str
    signature: str


class ReasoningContent(WireObject):
    """A union: exactly one of the two. ``redacted_content`` is base64."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class AssistantResponseMessage(WireObject):
    """An assistant's turn, in the history only."""

    content: str
    tool_uses: list[ToolUse] = []
    reasoning_content: ReasoningContent | None = None


class UserTurn(WireObject):
    """One member of the union ChatMessage."""

    user_input_message: UserInputMessage


class AssistantTurn(WireObject):
    """The other."""

    assistant_response_message: AssistantResponseMessage


class ConversationState(WireObject):
    """``history`` alternates, begins with the user and ends with the assistant."""

    chat_trigger_type: str
    conversation_id: str
    current_message: UserTurn
    agent_task_type: str
    history: list[UserTurn | AssistantTurn] = []


class GenerateAssistantResponse(WireObject):
    """``additional_model_request_fields`` differ by model; a model that has none refuses them."""

    conversation_state: ConversationState
    profile_arn: str | None = None
    additional_model_request_fields: dict[str, Any] | None = None
