"""The conversation for the next turn of an answer."""

from collections.abc import Sequence

from msgspec.structs import replace

from app.core.conversation import (
    Conversation,
    HostedToolUse,
    Part,
    ToolChoice,
    ToolSearchResult,
)
from app.core.hosted import turns


def continued(conversation: Conversation, said: Sequence[Part], made: int) -> Conversation:
    """The conversation for the next turn: with what was said, and the tools that were found. The
    client's limit is of all turns together, so this turn's ``made`` tokens are taken off it.
    """
    found = [
        name
        for part in said
        if isinstance(part, HostedToolUse) and isinstance(part.result, ToolSearchResult)
        for name in part.result.found
    ]
    offered = {tool.name: tool for tool in conversation.tools}
    deferred = {tool.name: tool for tool in conversation.deferred}
    offered |= {name: deferred[name] for name in found if name not in offered}
    choice, limit = conversation.tool_choice, conversation.max_tokens
    return replace(
        conversation,
        max_tokens=None if limit is None else max(0, limit - made),
        messages=(*conversation.messages, *turns(said)),
        tools=tuple(offered.values()),
        tool_choice=choice if choice.mode == "none" else ToolChoice(),  # a tool was called
    )
