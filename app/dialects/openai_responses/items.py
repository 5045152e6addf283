"""The items of the input into turns of the conversation: one row for each item type.

What the assistant said, thought and called are items of their own; consecutive ones are one turn,
and so are consecutive outputs of tools. An item of a tool that runs at OpenAI comes from another
service: it becomes readable text if it carries something that the model should know, is ignored by
its type if it does not, and is refused if the conversation would be a different one without it.
"""

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, TypeAlias

from msgspec import Struct

from app.core.conversation import Message, Part, Role, Text, ToolCall, ToolResult, as_one
from app.core.typed_json import FieldError, Record, convert, ignore_unknown
from app.dialects import openai
from app.dialects.wire import encode

from . import custom_input, item_types, reasoning_content
from .content import parts
from .tools import ClientTool


class Turn(Struct, frozen=True, gc=False):
    """The content of one item. ``joins``: it joins the turn before it, if that has the same role
    and joins too.
    """

    role: Role
    parts: tuple[Part, ...]
    joins: bool = True

    @property
    def message(self) -> Message:
        """The turn as one of the conversation."""
        return Message(self.role, self.parts)


def read(given: str | Sequence[dict[str, Any]], record: Record) -> tuple[str, tuple[Message, ...]]:
    """The system text before the conversation, and the conversation.

    Raises :class:`FieldError` with the path from the body's root.
    """
    if isinstance(given, str):
        return "", (Message("user", (Text(given),)),)
    turns: list[Turn] = []
    for index, raw in enumerate(given):
        record.place = ("input", index)
        try:
            turns += _turn(raw, record)
        except FieldError as error:
            raise error.under("input", index) from None
    leading = list(takewhile(lambda turn: turn.role == "system", turns))
    texts = [part.text for turn in leading for part in turn.parts if isinstance(part, Text)]
    return "\n\n".join(texts), _joined(turns[len(leading) :])


def _joined(turns: Sequence[Turn]) -> tuple[Message, ...]:
    runs: list[list[Message]] = []
    before: Turn | None = None
    for turn in turns:
        if before and before.joins and turn.joins and before.role == turn.role:
            runs[-1].append(turn.message)
        else:
            runs.append([turn.message])
        before = turn
    return tuple(map(as_one, runs))


def _turn(raw: dict[str, Any], record: Record) -> list[Turn]:
    kind = _kind(raw)
    if kind in REFUSED:
        raise FieldError((), f"{kind} {REFUSED[kind]}")
    if kind in AS_TEXT:
        return [_as_text(kind, raw, record)]
    if kind not in _READERS:
        if kind not in WITH_TOOLS:
            record.ignore(kind)
        return []
    form, reader = _READERS[kind]
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


def _message(message: item_types.Message, record: Record) -> list[Turn]:
    said = parts(message.content, record)
    if isinstance(message, item_types.AssistantMessage):
        return [Turn("assistant", said)]
    if isinstance(message, item_types.UserMessage):
        return [Turn("user", said, joins=False)]
    return [Turn("system", said, joins=False)]


def _function_call(item: item_types.FunctionCall, record: Record) -> list[Turn]:
    name = ClientTool(item.name, item.namespace).flat
    given = openai.arguments(item.arguments, record)
    return [Turn("assistant", (ToolCall(item.call_id, name, given),))]


def _custom_tool_call(item: item_types.CustomToolCall, _: Record) -> list[Turn]:
    name = ClientTool(item.name, item.namespace).flat
    given = custom_input.as_object(item.input)
    return [Turn("assistant", (ToolCall(item.call_id, name, given),))]


def _output(
    item: item_types.FunctionCallOutput | item_types.CustomToolCallOutput, record: Record
) -> list[Turn]:
    content: Any = parts(item.output, record, in_result=True)
    return [Turn("user", (ToolResult(item.call_id, content),))]


def _reasoning(item: item_types.Reasoning, record: Record) -> list[Turn]:
    """Only content that this gateway made can go back upstream: a summary has no signature."""
    part = reasoning_content.decode(item.encrypted_content) if item.encrypted_content else None
    if part is None:
        record.ignore("reasoning")
        return []
    return [Turn("assistant", (part,))]


def _as_text(kind: str, raw: dict[str, Any], record: Record) -> Turn:
    record.note(f"{kind}_as_text")
    shown = {name: value for name, value in raw.items() if name not in ("type", "id", "status")}
    return Turn(AS_TEXT[kind], (Text(f"[{kind}: {encode(shown).decode()}]"),))


AS_TEXT: dict[str, Role] = {
    "web_search_call": "assistant",
    "file_search_call": "assistant",
    "code_interpreter_call": "assistant",
    "tool_search_call": "assistant",
    "mcp_call": "assistant",
    "mcp_approval_request": "assistant",
    "mcp_approval_response": "user",
    "local_shell_call": "assistant",
    "local_shell_call_output": "user",
    "shell_call": "assistant",
    "shell_call_output": "user",
    "apply_patch_call": "assistant",
    "apply_patch_call_output": "user",
    "program": "assistant",
    "program_output": "user",
}
WITH_TOOLS = ("additional_tools", "tool_search_output")
"""Items without content that offer tools from their position on."""
REFUSED = {
    "item_reference": (
        "items are not persisted when `store` is set to false, as it always is here; send the item"
        " itself, as clients do whose own option store is false"
    ),
    "compaction": (
        "items can be read only by the service that made them; send the conversation itself"
    ),
    "compaction_trigger": (
        "items are not supported by this gateway; have the conversation summarised by a message"
    ),
}

ItemReader: TypeAlias = Callable[[Any, Record], list[Turn]]
_READERS: dict[str, tuple[Any, ItemReader]] = {
    "message": (item_types.Message, _message),
    "function_call": (item_types.FunctionCall, _function_call),
    "function_call_output": (item_types.FunctionCallOutput, _output),
    "custom_tool_call": (item_types.CustomToolCall, _custom_tool_call),
    "custom_tool_call_output": (item_types.CustomToolCallOutput, _output),
    "reasoning": (item_types.Reasoning, _reasoning),
}
