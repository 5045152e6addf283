"""Changes of the tools inside a conversation: in system messages, and in summaries of turns."""

from collections.abc import Sequence
from typing import Any

import msgspec

from . import block_types as types


def changes_in(block: Any) -> Sequence[Any]:
    """The additions and removals in a content block, in their order."""
    kind = type(block)
    if kind is types.ToolAdditionBlock or kind is types.ToolRemovalBlock:
        return (block,)
    return (block.tool_changes or ()) if kind is types.CompactionBlock else ()


def net_changes(messages: Sequence[Any]) -> list[dict[str, Any]]:
    """The additions and removals that lead from the declared tools to those in effect: for each
    tool the last one.
    """
    last: dict[str, Any] = {}
    for message in messages:
        for block in message.content if isinstance(message.content, list) else ():
            for change in changes_in(block):
                if name := _tool_of(change):
                    last.pop(name, None)
                    last[name] = change
    return [msgspec.to_builtins(change) for change in last.values()]


def _tool_of(change: Any) -> str:
    """The name of the tool; "" for a reference to tools of other kinds."""
    if isinstance(change.tool, types.ToolDefinition):
        return str(change.tool.definition.get("name") or "")
    return change.tool.name if isinstance(change.tool, types.NamedTool) else ""
