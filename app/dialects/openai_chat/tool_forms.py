"""The forms in which clients write a tool down.

Beside the API's own, those of the other two APIs are read and noted: Cursor sends any of them here,
by the name of the model (public reports of LiteLLM, CLIProxyAPI and codex-proxy). A tool that says
nothing else is a function.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from app.core.conversation import Tool
from app.core.known_parts import ReadOnce
from app.core.typed_json import FieldError, Name, Record, Tagged, convert, ignore_unknown
from app.dialects import custom_tools
from app.dialects.custom_tools import FreeText, Grammar

from . import schema

CallForm: TypeAlias = Literal["function", "custom", "text"]
"""How a call is written: with JSON, as a custom one, or as a function whose arguments are the free
text. The last is for who offers a custom tool as Responses does: Cursor fails on a custom call.
"""


class ClientTool(Struct, frozen=True):
    """A tool as the model is told of it, and how the client reads its calls."""

    tool: Tool
    form: CallForm = "function"


class FunctionTool(Struct, frozen=True):
    """A function, as the API has it."""

    function: schema.Function
    type: str = "function"


class FlatFunctionTool(schema.Function, frozen=True):
    """A function, as Responses has it."""

    type: str = "function"


class MessagesTool(Struct, frozen=True):
    """A function, as Anthropic Messages has it."""

    name: Name
    input_schema: dict[str, Any]
    description: str | None = None
    type: str = "custom"
    strict: bool | None = None


class GrammarFormat(Tagged, frozen=True, tag="grammar"):
    """``grammar`` is the API's own; Responses has its members here."""

    grammar: Grammar | None = None
    syntax: str | None = None
    definition: str | None = None


class Custom(Struct, frozen=True):
    """A tool that takes free text."""

    name: Name
    description: str | None = None
    format: FreeText | GrammarFormat | None = None


class CustomTool(Tagged, frozen=True, tag="custom"):
    """A custom tool, as the API has it."""

    custom: Custom


class FlatCustomTool(Custom, frozen=True):
    """A custom tool, as Responses has it."""

    type: str = "custom"


def read(raw: dict[str, Any], record: Record, field: str) -> ClientTool | None:
    """The tool, None if it is of a type that cannot be offered: that is recorded as ignored.
    ``field`` is where the body has it.

    Raises :class:`FieldError` with the path inside ``raw``.
    """
    kind = _kind(raw)
    if not isinstance(kind, str):
        raise FieldError(("type",), "Input should be a valid string")
    if kind not in ("function", "custom"):
        record.ignore(kind)
        return None
    found = _read_once(raw, record)
    tool = found.tool
    return replace(found, tool=replace(tool, field=field + tool.field)) if tool.strict else found


def _read(raw: dict[str, Any], record: Record) -> ClientTool:
    """The field of the tool is where ``raw`` has it."""
    form = _form(raw)
    tool = convert(raw, form)
    ignore_unknown(tool, raw, record)
    return _READERS[form](tool, record)


_read_once = ReadOnce(_read)


def _kind(raw: dict[str, Any]) -> Any:
    return raw.get("type", "custom" if "custom" in raw else "function")


def _form(raw: dict[str, Any]) -> type[Struct]:
    kind = _kind(raw)
    if "input_schema" in raw:
        return MessagesTool
    flat = kind not in raw and "name" in raw
    if kind == "custom":
        return FlatCustomTool if flat else CustomTool
    return FlatFunctionTool if flat else FunctionTool


def function(given: schema.Function, field: str) -> Tool:
    """A function as the model is told of it; ``field`` is where the body has it."""
    tool = Tool(given.name, given.description or "", given.parameters or {})
    return replace(tool, strict=True, field=f"{field}.parameters") if given.strict else tool


def _function(tool: FunctionTool, record: Record) -> ClientTool:
    return ClientTool(function(tool.function, ".function"))


def _flat_function(tool: FlatFunctionTool, record: Record) -> ClientTool:
    record.note("responses_tool_read")
    return ClientTool(function(tool, ""))


def _messages_tool(tool: MessagesTool, record: Record) -> ClientTool:
    record.note("messages_tool_read")
    own = Tool(tool.name, tool.description or "", tool.input_schema)
    return ClientTool(replace(own, strict=True, field=".input_schema") if tool.strict else own)


def _custom(tool: CustomTool, record: Record) -> ClientTool:
    try:
        return ClientTool(_offered(tool.custom, record), "custom")
    except FieldError as error:
        raise error.under("custom") from None


def _flat_custom(tool: FlatCustomTool, record: Record) -> ClientTool:
    record.note("responses_tool_read")
    return ClientTool(_offered(tool, record), "text")


def _offered(tool: Custom, record: Record) -> Tool:
    grammar = None
    if isinstance(tool.format, GrammarFormat):
        grammar = tool.format.grammar or _flat_grammar(tool.format, record)
    return custom_tools.offered(tool.name, tool.description, grammar)


def _flat_grammar(given: GrammarFormat, record: Record) -> Grammar:
    if given.syntax is None or given.definition is None:
        raise FieldError(("format", "grammar"), "Field required")
    record.note("responses_tool_read")
    return Grammar(given.syntax, given.definition)


_READERS: dict[type[Struct], Callable[[Any, Record], ClientTool]] = {
    FunctionTool: _function,
    FlatFunctionTool: _flat_function,
    MessagesTool: _messages_tool,
    CustomTool: _custom,
    FlatCustomTool: _flat_custom,
}
