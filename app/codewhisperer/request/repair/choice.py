"""Tool choice and JSON answers, for which the service has no fields.

A directive at the end of the last turn asks the model for them. Whether the model complied is not
checked here.
"""

import msgspec
from msgspec.structs import replace

from app.core.conversation import Conversation
from app.errors import GatewayError, Kind

from .edit import append_directive, map_tools

CALL_ANY = "Answer by calling one of the available tools."
CALL_NONE = "Answer in text. Do not call any tool."
JSON_OBJECT = (
    "Give your final answer as one JSON object and nothing else: no text around it, no code fence."
)
JSON_SCHEMA = (
    "Give your final answer as one JSON document and nothing else: no text around it, no code "
    "fence. It must be valid against this JSON Schema:\n"
)


def check(conversation: Conversation) -> None:
    """Raises GatewayError for a choice that the offered tools cannot fulfil."""
    choice, tools = conversation.tool_choice, conversation.tools
    if choice.mode == "any" and not tools:
        raise _invalid("asks for a tool call, but there are no tools. Offer one, or use auto")
    if choice.mode == "tool" and all(tool.name != choice.name for tool in tools):
        raise _invalid(f"names {choice.name!r}, which is not among the tools. Offer it too")


def _invalid(why: str) -> GatewayError:
    return GatewayError(Kind.INVALID_REQUEST, f"tool_choice {why}.", field="tool_choice")


def remove_tools(conversation: Conversation) -> Conversation:
    """``none``: offer no tool."""
    if conversation.tool_choice.mode != "none" or not conversation.tools:
        return conversation
    return replace(conversation, tools=())


def narrow_tools(conversation: Conversation) -> Conversation:
    """``tool``: offer only the named tool."""
    choice = conversation.tool_choice
    if choice.mode != "tool":
        return conversation
    return map_tools(conversation, lambda tool: tool if tool.name == choice.name else None)


def direct_tool_choice(conversation: Conversation) -> Conversation:
    """Add a directive for what the offered tools alone do not express.

    For ``none`` it is needed if stand-ins for tools that were called earlier are still offered.
    """
    choice = conversation.tool_choice
    if choice.mode == "any":
        return append_directive(conversation, CALL_ANY)
    if choice.mode == "tool":
        return append_directive(conversation, f"Answer by calling the tool {choice.name}.")
    if choice.mode == "none" and conversation.tools:
        return append_directive(conversation, CALL_NONE)
    return conversation


def direct_json(conversation: Conversation) -> Conversation:
    """Add a directive that asks for the client's JSON format."""
    schema = conversation.json_schema
    if schema is None:
        return conversation
    if not schema:
        return append_directive(conversation, JSON_OBJECT)
    return append_directive(conversation, JSON_SCHEMA + msgspec.json.encode(schema).decode())
