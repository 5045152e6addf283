"""What a model does that is told to call a tool: it calls it, with an input made from its schema.

The service has no forced tools; its clients ask for a call at the end of the prompt. Like a model,
the simulator reads the last sentence that names a tool which is offered.
"""

import re
from typing import Any

from app.simulator.checks.body import as_dict, as_list, current_user, tool_specifications

from .vocabulary import ToolCallPart

_WANTED = re.compile(r"\b(?:by calling|call) (?:the tool ([\w-]+)|one of)\b", re.IGNORECASE)
_MAX_DEPTH = 8
_SAMPLES: dict[str, Any] = {
    "string": "simulated",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "null": None,
}


def wanted_call(body: dict[str, Any]) -> ToolCallPart | None:
    """The call that the end of the current message asks for: of the tool that it names or, where it
    asks for any, of the last one offered. None if it asks for none.
    """
    user = current_user(body)
    offered = {str(tool.get("name")): tool for tool in tool_specifications(user)}
    found = list(_WANTED.finditer(str(user.get("content"))[-300:]))
    if not (found and offered):
        return None
    name = found[-1][1] or list(offered)[-1]
    if name not in offered:
        return None
    schema = as_dict(as_dict(offered[name].get("inputSchema")).get("json"))
    return ToolCallPart(name=name, input=_sample(schema, schema, 0))


def _sample(schema: dict[str, Any], root: dict[str, Any], depth: int) -> Any:
    """A value of a schema in the form that the service accepts."""
    if "$ref" in schema:
        schema = _target(schema["$ref"], root)
    if as_list(schema.get("enum")):
        return schema["enum"][0]
    if as_list(schema.get("anyOf")):
        return _sample(as_dict(schema["anyOf"][0]), root, depth + 1)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if depth > _MAX_DEPTH:
        return None
    if kind == "array":
        return [_sample(as_dict(schema.get("items")), root, depth + 1)]
    if kind == "object":
        members = as_dict(schema.get("properties"))
        return {name: _sample(as_dict(inner), root, depth + 1) for name, inner in members.items()}
    return _SAMPLES.get(kind)


def _target(reference: str, root: dict[str, Any]) -> dict[str, Any]:
    target: Any = root
    for step in reference.removeprefix("#").strip("/").split("/"):
        target = as_dict(target).get(step) if step else target
    return as_dict(target)
