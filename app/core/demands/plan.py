"""What a conversation demands of its answer, and the conversation as the model is asked for it.

An answer of JSON is asked for as the input of one more tool, whose input schema is the client's: a
model follows the schema of a tool far better than one in its prompt. The client never sees that
tool.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from app.core.conversation import Conversation, Tool, ToolCall, ToolChoice
from app.core.typed_json import FieldError

from .schema_forms import MAX_DEPTH

ANSWER_TOOL = "final_answer"
WRAPPED = "value"
"""The member of the tool's input that holds an answer which is no object."""

_ANSWER = (
    "Gives your final answer. Call this tool once, when you know everything that the answer needs,"
    " with the whole answer as its input. Write no text before or after the call."
)
_ANY_ANSWER = " The input is one JSON object with the members that the conversation asks for."

ANY_OBJECT: dict[str, Any] = {"type": "object"}

Schemas: TypeAlias = Mapping[str, dict[str, Any]]


class Plan(Struct, frozen=True):
    """``asked`` is the conversation for the upstream. ``offered`` are the names of the tools that
    the client may see a call of. ``forced``: the answer must have one. ``answer_tool`` is the tool
    whose input is the answer, "" where text is; ``wrapped``: the input has the answer as its one
    member. ``schemas`` are those to be kept, by the tool's name. ``stop_sequences`` are those of an
    answer that the upstream gives as an input. ``is_json``: the client reads all text as JSON.
    """

    asked: Conversation
    offered: frozenset[str]
    forced: bool = False
    answer_tool: str = ""
    wrapped: bool = False
    schemas: Schemas = {}
    stop_sequences: tuple[str, ...] = ()
    is_json: bool = False

    @property
    def holds_text(self) -> bool:
        """Whether text is no part of the answer until it is known that it is."""
        return self.forced or bool(self.answer_tool)

    @property
    def holds(self) -> bool:
        """Whether a stream may have to hold its first events back."""
        return self.holds_text or bool(self.schemas)


def plan(conversation: Conversation) -> Plan | None:
    """None if nothing is demanded: no tool can be called, and any text is an answer."""
    choice, tools = conversation.tool_choice, conversation.allowed_tools
    schema = conversation.json_schema
    forced = choice.mode in ("any", "tool")
    if schema is None or forced:
        if not conversation.tools and not _has_calls(conversation):
            return None
        asked = conversation if schema is None else _without_format(conversation)
        schemas, is_json = _strict(tools), schema is not None
        return Plan(asked, _names(tools), forced, schemas=schemas, is_json=is_json)
    return _for_json(conversation, tools, schema)


def _for_json(conversation: Conversation, tools: tuple[Tool, ...], schema: dict[str, Any]) -> Plan:
    """The model must call a tool: one of the client's, or the one that is the answer."""
    name = _free_name(conversation)
    wrapped = not _allows_object(schema)
    described = _ANSWER if schema else _ANSWER + _ANY_ANSWER
    tool = Tool(name, described, _wrapping(schema) if wrapped else schema or ANY_OBJECT)
    choice = ToolChoice("any") if tools else ToolChoice("tool", name)
    asked = replace(
        conversation,
        tools=(*tools, tool),
        tool_choice=choice,
        json_schema=None,
        stop_sequences=(),
        notes=(*conversation.notes, "json_by_tool", *_uncited(conversation)),
    )
    return Plan(
        asked,
        _names(tools),
        answer_tool=name,
        wrapped=wrapped,
        schemas=_strict(tools) | {name: schema or ANY_OBJECT},
        stop_sequences=conversation.stop_sequences,
        is_json=True,
    )


def _without_format(conversation: Conversation) -> Conversation:
    """For a turn that has to be a call."""
    notes = (*conversation.notes, "no_json_with_forced_call", *_uncited(conversation))
    return replace(conversation, json_schema=None, notes=notes)


def _uncited(conversation: Conversation) -> tuple[str, ...]:
    """The repair of a search whose pages an answer of JSON could cite."""
    if any(tool.kind == "web_search" and not tool.web.cites for tool in conversation.hosted):
        return ("no_citations_in_json",)
    return ()


def _wrapping(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with such a document as its one member."""
    definitions = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    return {"type": "object", "properties": {WRAPPED: schema}, "required": [WRAPPED]} | definitions


def check_schemas(conversation: Conversation, read: Callable[[dict[str, Any]], object]) -> None:
    """Read every schema that is to be kept with ``read``. Raises what that raises, FieldError, with
    the place in the client's body.
    """
    for tool in (*conversation.tools, *conversation.deferred):
        if tool.strict:
            _check(tool.schema, tool.field, read)
    if conversation.json_schema:
        _check(conversation.json_schema, conversation.json_schema_field, read)


def _check(schema: dict[str, Any], field: str, read: Callable[[dict[str, Any]], object]) -> None:
    try:
        read(schema)
    except FieldError as error:
        raise error.under(field) from None


def _strict(tools: tuple[Tool, ...]) -> dict[str, dict[str, Any]]:
    """The schemas of the strict tools. Of several tools of one name the first is offered."""
    if not any(tool.strict for tool in tools):
        return {}
    offered = {tool.name: tool for tool in reversed(tools)}
    return {name: tool.schema for name, tool in offered.items() if tool.strict}


def _names(tools: tuple[Tool, ...]) -> frozenset[str]:
    return frozenset(tool.name for tool in tools)


def _has_calls(conversation: Conversation) -> bool:
    """Whether the model can remember a tool that is not offered any more."""
    return any(
        type(part) is ToolCall
        for message in conversation.messages
        if message.role == "assistant"
        for part in message.parts
    )


def _free_name(conversation: Conversation) -> str:
    """The name of the tool for answers, unlike that of any tool that the model knows."""
    known = {tool.name.lower() for tool in conversation.tools}
    if not any(name.startswith(ANSWER_TOOL) for name in known):
        return ANSWER_TOOL
    return next(
        name
        for number in range(2, len(known) + 3)
        if (name := f"{ANSWER_TOOL}_{number}") not in known
    )


def _allows_object(schema: dict[str, Any]) -> bool:
    """Whether the document may be an object, as far as types, values and alternatives say, also by
    references to the schema's own definitions. The schema was not checked yet.
    """
    known: dict[int, bool] = {}  # by the id of a schema; one that refers to itself adds nothing

    def allows(node: Any, depth: int = 0) -> bool:
        if not isinstance(node, dict) or depth > MAX_DEPTH:
            return node is not False
        if id(node) not in known:
            known[id(node)] = True
            either = [_list(node, name) for name in ("anyOf", "oneOf")]
            known[id(node)] = (
                "object" in (_list(node, "type") or [node.get("type", "object")])
                and any(isinstance(value, dict) for value in _values(node))
                and all(any(allows(one, depth + 1) for one in each) for each in either if each)
                and all(allows(one, depth + 1) for one in _list(node, "allOf"))
                and allows(_referred(schema, node.get("$ref")), depth + 1)
            )
        return known[id(node)]

    return allows(schema)


def _list(node: dict[str, Any], name: str) -> list[Any]:
    found = node.get(name)
    return found if isinstance(found, list) else []


def _values(node: dict[str, Any]) -> list[Any]:
    """The values that a schema allows; an object if it allows any."""
    return [node["const"]] if "const" in node else _list(node, "enum") or [{}]


def _referred(schema: dict[str, Any], reference: Any) -> Any:
    """What a reference means inside the schema; True, which allows all, if that is not there."""
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return True
    target: Any = schema
    for step in reference[2:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        target = target.get(name, True) if isinstance(target, dict) else True
    return target
