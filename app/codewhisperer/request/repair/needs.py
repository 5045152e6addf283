"""What of a conversation may need mending, found in one pass over it.

Most conversations need little, and every turn sends all the earlier ones again: rules that each
looked for themselves would read a long conversation a dozen times. A sign may be seen where its
rules find nothing to do; where it is not seen they must have nothing to do.
"""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from app.codewhisperer.request.tool_names import legal_id, renamed
from app.core.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Part,
    RedactedThinking,
    ResultPart,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

Sign: TypeAlias = Literal[
    "tools",
    "the same tool again",
    "odd tool name",
    "tool not on offer",
    "tool choice",
    "JSON wanted",
    "user not first",
    "user not last",
    "system message",
    "same role again",
    "empty turn",
    "odd call",
    "empty result",
    "image",
    "image in result",
    "binary document",
    "unsigned thinking",
    "several thoughts",
]
"""``odd call``: one with an id that is illegal or not its own, or without its one result in the
next turn; and a result without its call in the turn before.
"""


def signs(conversation: Conversation) -> set[Sign]:
    """Those that are seen."""
    seen: set[Sign] = set()
    if conversation.tool_choice.mode != "auto":
        seen.add("tool choice")
    if conversation.json_schema is not None:
        seen.add("JSON wanted")
    messages = conversation.messages
    if not messages or messages[0].role != "user":
        seen.add("user not first")
    if not messages or messages[-1].role != "user":
        seen.add("user not last")
    called = _look_at_turns(messages, seen)
    if conversation.tools or called:
        _look_at_tools(conversation, called, seen)
    return seen


def same_signs(before: Conversation, after: Conversation) -> bool:
    """Whether what a rule changed is only the text of tools, which no sign tells of."""
    return after.messages is before.messages and len(after.tools) == len(before.tools)


def _look_at_tools(conversation: Conversation, called: set[str], seen: set[Sign]) -> None:
    offered = {tool.name for tool in conversation.tools}
    if conversation.tools:
        seen.add("tools")
    if len(offered) != len(conversation.tools):
        seen.add("the same tool again")
    if not called <= offered:
        seen.add("tool not on offer")
    if renamed(offered | called):
        seen.add("odd tool name")


def _look_at_turns(messages: Sequence[Message], seen: set[Sign]) -> set[str]:
    """The names of the tools that were called."""
    names: set[str] = set()
    ids: list[str] = []
    role = ""
    waiting: list[str] = []  # the ids of the calls of the turn before
    for message in messages:
        if message.role == role:
            seen.add("same role again")
        role = message.role
        if role == "system":
            seen.add("system message")
        calls: list[str] = []
        answered: list[str] = []
        others: list[Any] = []
        says = False
        part: Any
        for part in message.parts:
            kind = type(part)
            if kind is Text:
                says = says or part.text != ""
            elif kind is ToolCall:
                calls.append(part.id)
                names.add(part.name)
            elif kind is ToolResult:
                answered.append(part.call_id)
                _look_at_result(part.content, seen)
            else:
                others.append(part)
        if others:
            says = _look_at_others(others, seen) or says
        if not (says or calls or answered):
            seen.add("empty turn")
        if answered != waiting and sorted(answered) != sorted(waiting):
            seen.add("odd call")
        waiting = calls
        ids += calls
    if waiting or len(set(ids)) != len(ids) or not all(map(legal_id, ids)):
        seen.add("odd call")
    return names


def _look_at_result(content: Sequence[ResultPart], seen: set[Sign]) -> None:
    says = False
    for part in content:
        if type(part) is Text:
            says = says or part.text != ""
        elif type(part) is Image:
            says = True
            seen.update(("image", "image in result"))
        else:
            says = _look_at_others((part,), seen) or says
    if not says:
        seen.add("empty result")


def _look_at_others(parts: Sequence[Part], seen: set[Sign]) -> bool:
    """Whether documents among them say something: images and thoughts are no text."""
    says = False
    thoughts = 0
    for part in parts:
        if isinstance(part, Image):
            seen.add("image")
        elif isinstance(part, Document):
            says = says or bool(part.text or part.title)
            if part.text is None:
                seen.add("binary document")
        elif isinstance(part, Thinking | RedactedThinking):
            thoughts += 1
            if isinstance(part, Thinking) and not part.signature:
                seen.add("unsigned thinking")
    if thoughts > 1:
        seen.add("several thoughts")
    return says
