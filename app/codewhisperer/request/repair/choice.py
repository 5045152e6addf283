"""Tool choice, for which the service has no field.

A directive at the end of the last turn asks the model for it. Whether the model complied is checked
by :mod:`app.core.demands`.
"""

from msgspec.structs import replace

from app.common.errors import GatewayError, Kind
from app.core.conversation import Conversation

from .edit import append_directive, map_tools

CALL_ANY = "Answer by calling one of the available tools."
CALL_NONE = "Answer in text. Do not call any tool."


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
