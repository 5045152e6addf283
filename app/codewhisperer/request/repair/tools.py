"""The offered tools: legal names and descriptions, reduced schemas, and all tools once called."""

from functools import partial

from msgspec.structs import replace

from app.codewhisperer.request.growth import OF_A_REQUEST, Growth
from app.codewhisperer.request.schema import reduced
from app.codewhisperer.request.tool_names import renamed
from app.common.errors import GatewayError, Kind
from app.core.conversation import Conversation, Tool, ToolCall

from .edit import map_parts, map_tools

NO_DESCRIPTION = "(no description)"
NOT_OFFERED = (
    "This tool was used earlier in the conversation and is not available now. Do not call it."
)


def names(conversation: Conversation) -> list[str]:
    """The name of every tool once, offered tools first, then tools that were only called."""
    offered = [tool.name for tool in conversation.tools]
    used = [
        part.name
        for message in conversation.messages
        if message.role == "assistant"
        for part in message.parts
        if type(part) is ToolCall
    ]
    return list(dict.fromkeys(offered + used))


def drop_duplicates(conversation: Conversation) -> Conversation:
    """Keep the first of several tools with one name."""
    if len({tool.name for tool in conversation.tools}) == len(conversation.tools):
        return conversation
    seen: set[str] = set()

    def first(tool: Tool) -> Tool | None:
        if tool.name in seen:
            return None
        seen.add(tool.name)
        return tool

    return map_tools(conversation, first)


def legal_names(conversation: Conversation) -> Conversation:
    """Change names that the service rejects or cannot tell apart, wherever they occur."""
    changed = renamed(names(conversation))
    if not changed:
        return conversation

    def in_call(call: ToolCall) -> ToolCall:
        return replace(call, name=changed[call.name]) if call.name in changed else call

    def in_tool(tool: Tool) -> Tool:
        return replace(tool, name=changed[tool.name]) if tool.name in changed else tool

    choice = conversation.tool_choice
    choice = replace(choice, name=changed.get(choice.name, choice.name))
    conversation = replace(conversation, tool_choice=choice)
    return map_tools(map_parts(conversation, ToolCall, in_call), in_tool)


def offer_used(conversation: Conversation) -> Conversation:
    """Offer a stand-in for every tool that the history calls and the client no longer offers: the
    service requires the tool, and its description tells the model not to call it.
    """
    offered = {tool.name for tool in conversation.tools}
    missing = [name for name in names(conversation) if name not in offered]
    if not missing:
        return conversation
    no_input = {"type": "object", "properties": {}}
    stand_ins = (Tool(name, NOT_OFFERED, no_input) for name in missing)
    return replace(conversation, tools=(*conversation.tools, *stand_ins))


def describe(conversation: Conversation) -> Conversation:
    """Give every tool a description; the service rejects an empty one."""
    return map_tools(
        conversation,
        lambda tool: tool if tool.description else replace(tool, description=NO_DESCRIPTION),
    )


def move_long_descriptions(conversation: Conversation, limit: int) -> Conversation:
    """Move descriptions of more than ``limit`` characters to the end of the system text."""
    sections: list[str] = []

    def move(tool: Tool) -> Tool:
        if len(tool.description) <= limit:
            return tool
        sections.append(f"# Tool: {tool.name}\n\n{tool.description}")
        pointer = f'The section "Tool: {tool.name}" of the system prompt describes this tool.'
        return replace(tool, description=pointer)

    changed = map_tools(conversation, move)
    if changed is conversation:
        return conversation
    return replace(changed, system="\n\n".join(filter(None, (changed.system, *sections))))


def normalise_schemas(conversation: Conversation) -> Conversation:
    """Reduce input schemas to keywords that every host accepts. Raises GatewayError for a schema
    that is too large.
    """
    growth = Growth(sum(len(tool.schema_json) for tool in conversation.tools), OF_A_REQUEST)
    return map_tools(conversation, partial(_with_reduced_schema, growth=growth))


def _with_reduced_schema(tool: Tool, growth: Growth) -> Tool:
    try:
        schema, _, content = reduced(tool.schema, tool.schema_json, growth)
    except ValueError as error:
        raise GatewayError(
            Kind.INVALID_REQUEST, f"The input schema of tool {tool.name!r}: {error}.", field="tools"
        ) from error
    if schema is None:
        return tool
    return Tool.of_json(tool.name, tool.description, schema, content)
