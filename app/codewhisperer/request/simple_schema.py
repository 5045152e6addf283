"""The simplest form of the tools' schemas, for a host that refused their usual form.

Kept: one type, properties, items, descriptions, required names and lists of strings to choose from.
What else there was (alternatives, references) allows anything, so no legal call is ruled out but by
the model's own choice.
"""

from typing import Any

from app.core.conversation import Conversation, Tool

from .repair.edit import map_tools
from .schema import normalised


def simplify(conversation: Conversation) -> Conversation:
    """The conversation with simple schemas; itself if all are simple."""
    return map_tools(conversation, _simplified)


def _simplified(tool: Tool) -> Tool:
    usual = normalised(tool.schema, tool.schema_json)
    simple = _object(usual)
    return tool if simple == usual else Tool(tool.name, tool.description, simple)


def _object(node: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object"} | _simple(node)


def _simple(node: dict[str, Any]) -> dict[str, Any]:
    """``node`` is in the usual form, whose depth is bounded."""
    result: dict[str, Any] = {}
    if (kind := _one_type(node.get("type"))) is not None:
        result["type"] = kind
    if "description" in node:
        result["description"] = node["description"]
    if _are_strings(node.get("enum")):
        result["enum"] = node["enum"]
    if "items" in node:
        result["items"] = _simple(node["items"])
    if "properties" in node:
        result["properties"] = {name: _simple(sub) for name, sub in node["properties"].items()}
        required = [name for name in node.get("required", ()) if name in node["properties"]]
        result |= {"required": required} if required else {}
    return result


def _one_type(kind: Any) -> str | None:
    """Of several types the first that is not null."""
    if isinstance(kind, list):
        return next((one for one in kind if one != "null"), "null")
    return kind if isinstance(kind, str) else None


def _are_strings(values: Any) -> bool:
    return bool(values) and all(isinstance(value, str) for value in values)
