"""The tools of a request: those offered to the model, and the one that it must call.

Functions are offered as they are, custom tools as functions of one text
(:mod:`app.dialects.custom_tools`). An unknown type is left out and named as ignored: clients send
tools that run at OpenAI along with their own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from app.core.conversation import HostedTool, Tool, ToolChoice, WebSearch
from app.core.hosted import web_search_tool
from app.core.typed_json import FieldError, Record
from app.dialects import openai, web_search

from . import schema, tool_forms
from .tool_forms import CallForm


class Offer(Struct, frozen=True):
    """``tools`` may be called; ``forms`` says how the client reads calls of the tools that it
    declared, by their names. ``hosted`` are those of the tools that the gateway runs.
    """

    tools: tuple[Tool, ...]
    forms: Mapping[str, CallForm]
    hosted: tuple[HostedTool, ...] = ()


def offered(
    request: schema.ChatRequest, declared: Sequence[dict[str, Any]], record: Record
) -> Offer:
    """The tools of both generations of the API, only those that ``tool_choice`` allows;
    ``declared`` are those of the newer one.

    Raises :class:`FieldError` with the path from the body's root.
    """
    tools: list[Tool] = []
    forms: dict[str, CallForm] = {}
    for position, raw in enumerate(declared):
        try:
            found = tool_forms.read(raw, record, f"tools[{position}]")
        except FieldError as error:
            raise error.under("tools", position) from None
        if found:
            tools.append(found.tool)
            forms.setdefault(found.tool.name, found.form)  # of several, the first is offered
    for position, function in enumerate(request.functions or ()):
        tools.append(tool_forms.function(function, f"functions[{position}]"))
    if isinstance(request.tool_choice, schema.AllowedToolsChoice):
        tools = _allowed(request.tool_choice.allowed_tools, tools, record)
    if request.web_search_options is None:
        return Offer(tuple(tools), forms)
    tool, hosted = _web_search(request.web_search_options, request, tools)
    return Offer((*tools, tool), forms, (hosted,))


def _web_search(
    options: schema.WebSearchOptions, request: schema.ChatRequest, tools: Sequence[Tool]
) -> tuple[Tool, HostedTool]:
    """The search that ``web_search_options`` asks for. An answer that is to be JSON cites
    nothing.
    """
    cites = not isinstance(
        request.response_format, schema.JsonObjectFormat | schema.JsonSchemaFormat
    )
    name = web_search.free_name({tool.name for tool in tools})
    place = str(options.user_location.approximate) if options.user_location else ""
    most = web_search.MOST_PAGES[options.search_context_size]
    hosted = HostedTool(name, "web_search", WebSearch(most=most, cites=cites, pauses=False))
    return web_search_tool(name, place, cites=cites), hosted


def _allowed(allowed: schema.AllowedTools, tools: Sequence[Tool], record: Record) -> list[Tool]:
    offered = {tool.name for tool in tools}
    names = set()
    for position, entry in enumerate(allowed.tools):
        named = entry.function or entry.custom
        if named is None:
            record.ignore(entry.type)
            continue
        try:
            names.add(openai.offered_name(named.name, offered))
        except FieldError as error:
            member = "function" if entry.function else "custom"
            where = ("tool_choice", "allowed_tools", "tools", position, member, "name")
            raise error.under(*where) from None
    return [tool for tool in tools if tool.name in names]


def choice(request: schema.ChatRequest, tools: Sequence[Tool], record: Record) -> ToolChoice:
    """Which tool the model must call. Raises :class:`FieldError` for one that is not offered."""
    wanted, old = request.tool_choice, request.function_call
    if wanted is not None and old is not None:
        record.ignore("function_call")
    if isinstance(wanted, str):
        return _mode(wanted, tools, "tool_choice")
    if isinstance(wanted, schema.AllowedToolsChoice):
        mode = wanted.allowed_tools.mode
        return _mode(mode, tools, "tool_choice", "allowed_tools", "mode")
    if isinstance(wanted, schema.NAMED_TOOLS):
        return _named_in(wanted, tools, record)
    if wanted is not None:
        record.note("messages_tool_choice_read")
        return _mode(schema.MESSAGES_MODES[type(wanted)], tools, "tool_choice", "type")
    if isinstance(old, schema.Named):
        return _named(old.name, tools, "function_call", "name")
    return _mode(old or "auto", tools, "function_call")


def _named_in(wanted: schema.NamedChoice, tools: Sequence[Tool], record: Record) -> ToolChoice:
    """A choice in the API's own form, or in that of Responses or Messages."""
    if isinstance(wanted, schema.MessagesNamedTool):
        record.note("messages_tool_choice_read")
        return _named(wanted.name, tools, "tool_choice", "name")
    if isinstance(wanted, schema.NamedCustomTool):
        own, member = wanted.custom, "custom"
    else:
        own, member = wanted.function, "function"
    if own is not None:
        return _named(own.name, tools, "tool_choice", member, "name")
    if wanted.name is None:
        raise FieldError(("tool_choice", member), "Field required")
    record.note("responses_tool_choice_read")
    return _named(wanted.name, tools, "tool_choice", "name")


def _mode(mode: str, tools: Sequence[Tool], *where: str) -> ToolChoice:
    try:
        return openai.mode_choice(mode, tools)
    except FieldError as error:
        raise error.under(*where) from None


def _named(name: str, tools: Sequence[Tool], *where: str) -> ToolChoice:
    try:
        return openai.named_choice(name, tools)
    except FieldError as error:
        raise error.under(*where) from None
