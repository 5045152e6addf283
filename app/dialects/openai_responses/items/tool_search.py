"""A search for tools that the client runs: its calls and what they found, as calls of a tool.

A search that ran at OpenAI has no ``call_id``: its call becomes a text, and its output has nothing
for the model, since the tools that it found are offered.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from app.core.conversation import Text, ToolCall, ToolResult
from app.core.typed_json import Record
from app.dialects import openai
from app.dialects.openai_responses.tools import TOOL_SEARCH, ClientTool
from app.dialects.wire import encode

from . import types
from .foreign import as_text
from .turns import Turn

NOTHING_FOUND = "No tool was found."


def call(item: types.ToolSearchCall, record: Record) -> list[Turn]:
    """The turn of a search. Its arguments are an object; a string is read as the JSON of one."""
    given = item.arguments
    if item.call_id is None or item.execution == "server":
        return [as_text("assistant", TOOL_SEARCH + "_call", {"arguments": given}, record)]
    if not isinstance(given, dict):
        text = given if isinstance(given, str) else encode(given).decode()
        given = openai.arguments(text, record)
    return [Turn("assistant", (ToolCall(item.call_id, TOOL_SEARCH, given),))]


def output(item: types.ToolSearchOutput, _: Record) -> list[Turn]:
    """The turn of what was found: the names by which the model can call it from then on."""
    if item.call_id is None or item.execution == "server":
        return []
    found = [*_found(item.tools)]
    text = encode({"tools": found}).decode() if found else NOTHING_FOUND
    return [Turn("user", (ToolResult(item.call_id, (Text(text),)),))]


def _found(tools: Sequence[Any], namespace: str | None = None) -> Iterator[dict[str, Any]]:
    """The name and the description of each tool. What is wrong with a tool is said where it is
    read as an offer.
    """
    for tool in tools:
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            continue
        if isinstance(tool.get("tools"), list):
            yield from _found(tool["tools"], tool["name"])
        else:
            name = ClientTool(tool["name"], namespace).flat
            yield {"name": name, "description": tool.get("description") or ""}
