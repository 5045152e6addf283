"""The items of the input into turns of the conversation: one row for each item type.

What the assistant said, thought and called are items of their own; consecutive ones are one turn,
and so are consecutive outputs of tools. Types without a row are the matter of :mod:`.foreign`.
"""

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, TypeAlias

from app.core.conversation import Message, Text, ToolCall, ToolResult
from app.core.typed_json import FieldError, Record, convert, ignore_all_unknown, ignore_unknown
from app.dialects import custom_tools, openai
from app.dialects.openai_responses import web_search
from app.dialects.openai_responses.tools import ClientTool

from . import compaction, foreign, reasoning_content, tool_search, types
from .content import parts
from .turns import Turn, joined


def read(given: str | Sequence[dict[str, Any]], record: Record) -> tuple[str, tuple[Message, ...]]:
    """The system text before the conversation, and the conversation; summaries in it are still
    to be settled (:mod:`.compaction`).

    Raises :class:`FieldError` with the path from the body's root.
    """
    if isinstance(given, str):
        return "", (Message("user", (Text(given),)),)
    turns: list[Turn] = []
    items = _converted(given, record)
    for index, raw in enumerate(given):
        record.place = ("input", index)
        try:
            turns += _turn(raw, items.get(index), record)
        except FieldError as error:
            raise error.under("input", index) from None
    leading = list(takewhile(lambda turn: turn.role == "system", turns))
    texts = [part.text for turn in leading for part in turn.parts if isinstance(part, Text)]
    return "\n\n".join(texts), joined(turns[len(leading) :])


def _converted(given: Sequence[dict[str, Any]], record: Record) -> dict[int, Any]:
    """The items by their indexes, all of a kind in one call. None if one of them is wrong: read one
    by one, the first that is wrong is found.
    """
    places: dict[str, list[int]] = {}
    for index, raw in enumerate(given):
        kind = raw.get("type", "message")
        if isinstance(kind, str) and kind in _READERS:
            places.setdefault(kind, []).append(index)
    items: dict[int, Any] = {}
    try:
        for kind, indexes in places.items():
            raws = [given[index] for index in indexes]
            found = convert(raws, _LISTS[kind])
            ignore_all_unknown(found, raws, record)
            items.update(zip(indexes, found, strict=True))
    except FieldError:
        return {}
    return items


def _turn(raw: dict[str, Any], item: Any, record: Record) -> list[Turn]:
    """What one item becomes; ``item`` is None if it is still to be converted."""
    kind = _kind(raw)
    if kind not in _READERS:
        return [] if kind in WITH_TOOLS else foreign.read(kind, raw, record)
    form, reader = _READERS[kind]
    if item is None:
        item = convert(raw, form)
        ignore_unknown(item, raw, record)
    return reader(item, record)


def _kind(raw: dict[str, Any]) -> str:
    """Messages and references may leave out their type."""
    kind = raw.get("type")
    if kind is None:
        if "role" in raw:
            return "message"
        if "id" in raw:
            return "item_reference"
        raise FieldError(("type",), "Field required")
    if not isinstance(kind, str):
        raise FieldError(("type",), "Input should be a valid string")
    return kind


def _message(message: types.Message, record: Record) -> list[Turn]:
    said = parts(message.content, record)
    if isinstance(message, types.AssistantMessage):
        return [Turn("assistant", said)]
    if isinstance(message, types.UserMessage):
        return [Turn("user", said, joins=False)]
    return [Turn("system", said, joins=False)]


def _function_call(item: types.FunctionCall, record: Record) -> list[Turn]:
    name = ClientTool(item.name, item.namespace).flat
    given = openai.arguments(item.arguments, record)
    return [Turn("assistant", (ToolCall(item.call_id, name, given),))]


def _custom_tool_call(item: types.CustomToolCall, _: Record) -> list[Turn]:
    name = ClientTool(item.name, item.namespace).flat
    given = custom_tools.as_object(item.input)
    return [Turn("assistant", (ToolCall(item.call_id, name, given),))]


def _output(
    item: types.FunctionCallOutput | types.CustomToolCallOutput, record: Record
) -> list[Turn]:
    content: Any = parts(item.output, record, in_result=True)
    return [Turn("user", (ToolResult(item.call_id, content),))]


def _agent_message(item: types.AgentMessage, record: Record) -> list[Turn]:
    """To the model that reads it, another agent is who asks it, or answers."""
    return [Turn("user", parts(item.content, record), joins=False)]


def _reasoning(item: types.Reasoning, record: Record) -> list[Turn]:
    """Only content that this gateway made can go back upstream: a summary has no signature."""
    part = reasoning_content.decode(item.encrypted_content) if item.encrypted_content else None
    if part is None:
        record.ignore("reasoning")
        return []
    return [Turn("assistant", (part,))]


def _web_search_call(item: types.WebSearchCall, record: Record) -> list[Turn]:
    """What was done with a page that was found is shown as text: no tool here does that."""
    action = item.action
    if not isinstance(action, dict) or action.get("type", "search") != "search":
        return [foreign.as_text("assistant", "web_search_call", {"action": action}, record)]
    call_id = item.id or "_".join(map(str, record.place))
    failed = item.status == "failed"
    call, result = web_search.earlier(call_id, action, item.encrypted_content, failed=failed)
    return [Turn("assistant", (call,)), Turn("user", (result,))]


WITH_TOOLS = ("additional_tools", "tool_search_output")
"""Items that offer tools."""

ItemReader: TypeAlias = Callable[[Any, Record], list[Turn]]
_READERS: dict[str, tuple[Any, ItemReader]] = {
    "message": (types.Message, _message),
    "function_call": (types.FunctionCall, _function_call),
    "function_call_output": (types.FunctionCallOutput, _output),
    "custom_tool_call": (types.CustomToolCall, _custom_tool_call),
    "custom_tool_call_output": (types.CustomToolCallOutput, _output),
    "agent_message": (types.AgentMessage, _agent_message),
    "tool_search_call": (types.ToolSearchCall, tool_search.call),
    "tool_search_output": (types.ToolSearchOutput, tool_search.output),
    "reasoning": (types.Reasoning, _reasoning),
    "web_search_call": (types.WebSearchCall, _web_search_call),
    "compaction": (types.Compaction, compaction.carried),
    "compaction_summary": (types.CompactionSummary, compaction.carried),
    "context_compaction": (types.ContextCompaction, compaction.carried),
    "compaction_trigger": (types.CompactionTrigger, compaction.trigger),
}

_LISTS: dict[str, Any] = {kind: list[form] for kind, (form, _) in _READERS.items()}  # type: ignore[valid-type]

ITEMS: tuple[Any, ...] = tuple(form for form, _ in _READERS.values())
"""The types of the items."""
