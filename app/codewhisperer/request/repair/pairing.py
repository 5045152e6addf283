"""Tool calls and their results: exactly one result per call, in the next turn, under a legal id."""

from collections import Counter, defaultdict, deque

from msgspec.structs import replace

from app.codewhisperer.request.tool_names import legal_id, new_id
from app.core.conversation import (
    Conversation,
    Message,
    Part,
    Text,
    ToolCall,
    ToolResult,
)

from .edit import map_messages, map_values, with_messages, with_parts

NO_RESULT = "The tool call was cancelled: no result came back for it."


def legal_ids(conversation: Conversation) -> Conversation:
    """Give every call a legal and unique id, and its result in the next turn the same id.

    Of several calls with one id, the first keeps it; their results are assigned in order.
    """
    ids = [call.id for message in conversation.messages for call in _calls(message)]
    unique = set(ids)
    if len(unique) == len(ids) and all(map(legal_id, ids)):
        return conversation
    return map_messages(conversation, _Renamer(unique).message)


class _Renamer:
    """Renames ids message by message. ``taken``: all ids in the conversation."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._occurrences: Counter[str] = Counter()
        self._open: defaultdict[str, deque[str]] = defaultdict(deque)

    def message(self, message: Message) -> Message:
        if message.role == "assistant":
            self._open.clear()
        return with_parts(message, map_values(message.parts, self._part))

    def _part(self, part: Part) -> Part:
        if isinstance(part, ToolCall):
            new = self._unused(part.id)
            self._open[part.id].append(new)
            return part if new == part.id else replace(part, id=new)
        if isinstance(part, ToolResult) and (waiting := self._open[part.call_id]):
            new = waiting.popleft()
            return part if new == part.call_id else replace(part, call_id=new)
        return part

    def _unused(self, call_id: str) -> str:
        occurrence = self._occurrences[call_id]
        self._occurrences[call_id] += 1
        if occurrence == 0 and legal_id(call_id):
            return call_id
        while (new := new_id(call_id, occurrence)) in self._taken:
            occurrence += 1
        self._taken.add(new)
        return new


def unmatched_results_to_text(conversation: Conversation) -> Conversation:
    """Turn a result into text if its call is not in the turn before, or has a result already."""
    expected: set[str] = set()

    def change(message: Message) -> Message:
        nonlocal expected
        if message.role == "user":
            return with_parts(message, _unexpected_to_text(message.parts, expected))
        expected = {call.id for call in _calls(message)}
        return message

    return map_messages(conversation, change)


def _unexpected_to_text(parts: tuple[Part, ...], expected: set[str]) -> tuple[Part, ...]:
    """Turn results that are not ``expected`` into text; removes the ids of the others from it."""
    changed: list[Part] = []
    for part in parts:
        if not isinstance(part, ToolResult):
            changed.append(part)
        elif part.call_id in expected:
            expected.remove(part.call_id)
            changed.append(part)
        else:
            kind = "error" if part.is_error else "result"
            changed += (Text(f"[{kind} of tool call {part.call_id}]"), *part.content)
    result = tuple(changed)
    return parts if result == parts else result


def answer_calls(conversation: Conversation) -> Conversation:
    """Give a call without a result in the next turn an error result that says it was cancelled."""
    messages = list(conversation.messages)
    changed = False
    for index, message in enumerate(conversation.messages):
        if not (calls := _calls(message)):
            continue
        following = messages[index + 1] if index + 1 < len(messages) else Message("user", ())
        answered = {part.call_id for part in following.parts if isinstance(part, ToolResult)}
        missing = [call.id for call in calls if call.id not in answered]
        if missing:
            changed = True
            errors = (ToolResult(call_id, (Text(NO_RESULT),), is_error=True) for call_id in missing)
            messages[index + 1 : index + 2] = [Message("user", (*errors, *following.parts))]
    return with_messages(conversation, messages) if changed else conversation


def _calls(message: Message) -> list[ToolCall]:
    if message.role != "assistant":
        return []
    return [part for part in message.parts if type(part) is ToolCall]
