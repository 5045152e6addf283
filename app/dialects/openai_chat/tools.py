"""The tools of a request: those offered to the model, and the one that it must call.

Functions are offered. An unknown type is left out and named as ignored: clients send tools that run
at OpenAI along with their own. Custom tools are refused: they run at the client, which would be
called with an input that it cannot read.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from app.core.conversation import Tool, ToolChoice
from app.core.typed_json import FieldError, Record, convert, ignore_unknown
from app.dialects import openai

from . import schema


class FunctionTool(Struct, frozen=True):
    """An entry of ``tools``."""

    function: schema.Function
    type: str = "function"


def offered(request: schema.ChatRequest, record: Record) -> tuple[Tool, ...]:
    """The tools of both generations of the API, only those that ``tool_choice`` allows.

    Raises :class:`FieldError` with the path from the body's root.
    """
    tools: list[Tool] = []
    for position, raw in enumerate(request.tools or ()):
        try:
            tools += _tool(raw, record)
        except FieldError as error:
            raise error.under("tools", position) from None
    tools += [_function(function, record) for function in request.functions or ()]
    if isinstance(request.tool_choice, schema.AllowedToolsChoice):
        return _allowed(request.tool_choice.allowed_tools, tools, record)
    return tuple(tools)


def _tool(raw: dict[str, Any], record: Record) -> list[Tool]:
    kind = raw.get("type", "function")
    if kind == "custom":
        raise FieldError(
            ("type",), "custom tools are not supported by this gateway; offer a function instead"
        )
    if not isinstance(kind, str):
        raise FieldError(("type",), "Input should be a valid string")
    if kind != "function":
        record.ignore(kind)
        return []
    tool = convert(raw, FunctionTool)
    ignore_unknown(tool, raw, record)
    return [_function(tool.function, record)]


def _function(function: schema.Function, record: Record) -> Tool:
    if function.strict:
        record.ignore("strict")
    return Tool(function.name, function.description or "", function.parameters or {})


def _allowed(
    allowed: schema.AllowedTools, tools: Sequence[Tool], record: Record
) -> tuple[Tool, ...]:
    offered = {tool.name for tool in tools}
    names = set()
    for position, entry in enumerate(allowed.tools):
        if entry.function is None:
            record.ignore(entry.type)
            continue
        try:
            names.add(openai.offered_name(entry.function.name, offered))
        except FieldError as error:
            where = ("tool_choice", "allowed_tools", "tools", position, "function", "name")
            raise error.under(*where) from None
    return tuple(tool for tool in tools if tool.name in names)


def choice(request: schema.ChatRequest, tools: Sequence[Tool], record: Record) -> ToolChoice:
    """Which tool the model must call. Raises :class:`FieldError` for one that is not offered."""
    wanted, old = request.tool_choice, request.function_call
    if isinstance(wanted, schema.AllowedToolsChoice):
        mode = wanted.allowed_tools.mode
        return _mode(mode, tools, record, "tool_choice", "allowed_tools", "mode")
    if isinstance(wanted, schema.NamedTool):
        return _named(wanted.function.name, tools, "tool_choice", "function", "name")
    if wanted is not None:
        return _mode(wanted, tools, record, "tool_choice")
    if isinstance(old, schema.Named):
        return _named(old.name, tools, "function_call", "name")
    return _mode(old or "auto", tools, record, "function_call")


def _mode(mode: str, tools: Sequence[Tool], record: Record, *where: str) -> ToolChoice:
    try:
        return openai.mode_choice(mode, tools, record)
    except FieldError as error:
        raise error.under(*where) from None


def _named(name: str, tools: Sequence[Tool], *where: str) -> ToolChoice:
    try:
        return openai.named_choice(name, tools)
    except FieldError as error:
        raise error.under(*where) from None
