"""The tools of a request: those offered to the model, and the one that it must call.

A tool runs at the client or at Anthropic. The client's tools are offered; a tool that the client
names only by a type of which Anthropic publishes the input schema gets that schema here. Tools that
run at Anthropic, and unknown types, are left out and named as ignored: clients send them along with
their own, and the turn must go on. A type that runs at the client but whose input schema is
uncertain is refused: the client would be called with an input that it cannot read.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.core.conversation import HostedTool, Tool, ToolChoice
from app.core.known_parts import ReadOnce
from app.core.typed_json import FieldError, Name, Record, convert, ignore_unknown
from app.dialects.support import NOTHING_TO_CALL

from . import block_types as types
from . import web_search
from .blocks import TOOL_SEARCHES, search_result
from .schema import SystemMessage
from .tool_changes import changes_in


class CustomTool(Struct, frozen=True):
    """A tool that the client describes itself."""

    name: Name
    input_schema: dict[str, Any]
    description: str | None = None
    type: Name | None = None
    defer_loading: bool | None = None
    strict: bool | None = None


class PublishedTool(Struct, frozen=True):
    """A tool that the client names by a type Anthropic publishes."""

    type: Name
    name: Name
    defer_loading: bool | None = None


class Offer(Struct, frozen=True):
    """``tools`` are offered to the model, ``hosted`` those of them that the gateway runs;
    ``deferred`` can be found by a hosted search.
    """

    tools: tuple[Tool, ...] = ()
    hosted: tuple[HostedTool, ...] = ()
    deferred: tuple[Tool, ...] = ()


def _object(required: Sequence[str], **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _string(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


_INSERT_LINE = {"type": "integer", "description": "insert: the line after which the text goes"}
_VIEW_RANGE = {
    "type": "array",
    "items": {"type": "integer"},
    "description": "view: first and last line to show, counted from 1; -1 is the end of the file",
}
_EDITING = {
    "file_text": _string("create: the content of the new file"),
    "old_str": _string("str_replace: the text to replace, which must occur exactly once"),
    "new_str": _string("str_replace: the text to put in its place"),
    "insert_line": _INSERT_LINE,
    "insert_text": _string("insert: the text to insert"),
    "view_range": _VIEW_RANGE,
}

# The description and input schema that the model gets for each type. Source: the command types of
# the anthropic SDK (memory), Anthropic's tool documentation and what its models send (the rest).
PUBLISHED: dict[str, tuple[str, dict[str, Any]]] = {
    "bash_20250124": (
        "Runs commands in a persistent bash session.",
        _object(
            (),
            command=_string("The command to run; required unless restart is true"),
            restart={"type": "boolean", "description": "True starts the session afresh"},
        ),
    ),
    "text_editor_20250728": (
        "Views, creates and edits text files.",
        _object(
            ("command", "path"),
            command={"type": "string", "enum": ["view", "create", "str_replace", "insert"]},
            path=_string("Absolute path of the file or directory"),
            **_EDITING,
        ),
    ),
    "memory_20250818": (
        "Reads and keeps notes in files under /memories that outlast this conversation.",
        _object(
            ("command",),
            command={
                "type": "string",
                "enum": ["view", "create", "str_replace", "insert", "delete", "rename"],
            },
            path=_string("Path of the file or directory; for every command but rename"),
            old_path=_string("rename: the present path"),
            new_path=_string("rename: the new path"),
            **_EDITING,
        ),
    ),
}
# The insert command of these types took its text in new_str at first and in insert_text later.
UNCERTAIN = frozenset(
    {"bash_20241022", "text_editor_20241022", "text_editor_20250124", "text_editor_20250429"}
)


# The searches for deferred tools, which the gateway runs. Source: Anthropic's documentation.
_FINDS = (
    "Finds tools that are not loaded yet, and loads the best few. Search before you conclude that"
    " there is no tool for a task."
)
_SEARCHES = {  # what the query is
    "tool_search_tool_regex": (
        "A Python regular expression, at most 200 characters, for the names and descriptions of"
        " tools and of their arguments; (?i) ignores case"
    ),
    "tool_search_tool_bm25": "Words that describe what the tool should do",
}
_VERSION = "_20251119"
SEARCH_TYPES = {
    name + ending: kind for name, kind in TOOL_SEARCHES.items() for ending in ("", _VERSION)
}


def offered(
    declared: Sequence[dict[str, Any]],
    messages: Sequence[Any],
    record: Record,
    named: str = "",
    *,
    cites: bool = True,
) -> Offer:
    """The tools in effect for the next turn: the declared tools, changed by the messages. A tool
    with ``defer_loading`` waits for a search, if one is declared and neither a reference in the
    messages nor the tool choice, which has ``named`` it, has loaded it. ``cites``: the answer may
    cite the pages that a search of the web found.

    Raises :class:`FieldError` with the path from the body's root.
    """
    tools: dict[str, Tool] = {}
    hosted: list[HostedTool] = []
    deferred: dict[str, Tool] = {}
    for index, raw in enumerate(declared):
        kind = raw.get("type")
        try:
            if web_search.is_tool(kind):
                tool, searched = web_search.tool(raw, messages, record, cites=cites)
                hosted.append(searched)
            elif (found := _tool(raw, record, f"tools.{index}")) is None:
                continue
            else:
                tool = found
        except FieldError as error:
            raise error.under("tools", index) from None
        if tool.name in tools:
            raise FieldError(("tools", index, "name"), "Tool names must be unique")
        tools[tool.name] = tool
        if raw.get("defer_loading") is True:
            deferred[tool.name] = tool
        if kind in SEARCH_TYPES:
            hosted.append(HostedTool(tool.name, SEARCH_TYPES[kind]))
    if not deferred:
        return Offer(_changed(tools, tools, messages, record), tuple(hosted))
    loaded = dict.fromkeys((*_references(messages), named))
    if all(tool.kind == "web_search" for tool in hosted):  # the client searches, or nobody
        if not deferred.keys() <= loaded.keys():
            record.ignore("defer_loading")
        return Offer(_changed(tools, tools, messages, record), tuple(hosted))
    at_once = {name: tool for name, tool in tools.items() if name not in deferred}
    at_once |= {name: deferred[name] for name in loaded if name in deferred}
    return Offer(
        _changed(tools, at_once, messages, record), tuple(hosted), tuple(deferred.values())
    )


def _references(messages: Sequence[Any]) -> Iterator[str]:
    """The tools that searches have found in earlier turns, the gateway's and the client's."""
    for message in messages:
        for block in message.content if isinstance(message.content, list) else ():
            if isinstance(block, types.ToolSearchResultBlock):
                yield from search_result(block.content).found
            elif isinstance(block, types.ToolResultBlock) and isinstance(block.content, list):
                for inner in block.content:
                    if isinstance(inner, types.ToolReferenceBlock):
                        yield inner.tool_name


def _tool(raw: dict[str, Any], record: Record, field: str) -> Tool | None:
    """``field`` is where the body has it."""
    kind = raw.get("type")
    if kind is None or kind == "custom":
        tool = _custom(raw, record)
        return replace(tool, field=f"{field}.input_schema") if tool.strict else tool
    if not isinstance(kind, str):
        raise FieldError(("type",), "Input should be a valid string")
    if kind in PUBLISHED:
        published = convert(raw, PublishedTool)
        ignore_unknown(published, raw, record)
        return Tool(published.name, *PUBLISHED[kind])
    if kind in SEARCH_TYPES:
        return _tool_search(convert(raw, PublishedTool), raw, record)
    if kind in UNCERTAIN:
        raise FieldError(
            ("type",), f"{kind!r} is not supported by this gateway; give the tool an input_schema"
        )
    record.ignore(kind)
    return None


def _read_custom(raw: dict[str, Any], record: Record) -> Tool:
    custom = convert(raw, CustomTool)
    ignore_unknown(custom, raw, record)
    strict = bool(custom.strict)
    return Tool(custom.name, custom.description or "", custom.input_schema, strict=strict)


_custom = ReadOnce(_read_custom)


def _tool_search(tool: PublishedTool, raw: dict[str, Any], record: Record) -> Tool:
    ignore_unknown(tool, raw, record)
    name = tool.type.removesuffix(_VERSION)
    if tool.name != name:
        raise FieldError(("name",), f"Input should be {name!r}")
    return Tool(name, _FINDS, _object(("query",), query=_string(_SEARCHES[name])))


def _changed(
    declared: dict[str, Tool],
    at_once: dict[str, Tool],
    messages: Sequence[Any],
    record: Record,
) -> tuple[Tool, ...]:
    """The tools that are offered ``at_once``, after the additions and removals in system messages
    and in summaries, which may name any that is ``declared``.
    """
    known, tools = dict(declared), dict(at_once)
    for index, message in enumerate(messages):
        is_searched = record.summarized or type(message) is SystemMessage
        if not is_searched or isinstance(message.content, str):
            continue
        for place, block in enumerate(message.content):
            where = ("messages", index, "content", place, "tool", "definition")
            for change in changes_in(block):
                try:
                    _change(change, known, tools, record, ".".join(map(str, where)))
                except FieldError as error:
                    raise error.under(*where) from None
    return tuple(tools.values())


def _change(
    block: Any, known: dict[str, Tool], tools: dict[str, Tool], record: Record, field: str
) -> None:
    target = block.tool
    if isinstance(target, types.ToolDefinition):
        tool = _tool(target.definition, record, field)
        if tool is not None:
            known[tool.name] = tools[tool.name] = tool
    elif not isinstance(target, types.NamedTool):
        record.ignore(str(target.__struct_config__.tag))
    elif isinstance(block, types.ToolRemovalBlock):
        tools.pop(target.name, None)
    elif target.name in known:
        tools[target.name] = known[target.name]
    else:
        record.ignore(str(block.__struct_config__.tag))


def choice(wanted: Any, tools: Sequence[Tool]) -> ToolChoice:
    """Which tool the model must call. Raises :class:`FieldError` for one that is not offered, and
    for ``any`` where no tool can be called: none was offered, or all were ignored.
    """
    if wanted is None:
        return ToolChoice()
    mode = wanted.__struct_config__.tag
    if mode == "tool":
        if all(tool.name != wanted.name for tool in tools):
            raise FieldError(
                ("tool_choice", "name"), f"Tool {wanted.name!r} not found in provided tools"
            )
        return ToolChoice("tool", wanted.name)
    if mode == "any" and not tools:
        raise FieldError(("tool_choice", "type"), NOTHING_TO_CALL)
    return ToolChoice(mode)
