"""Finds in one pass which repair rules a conversation may need.

Most conversations need few repairs, and every request sends all earlier turns again: if each rule
searched for itself, a long conversation would be read a dozen times. Needs may over-report, never
under-report: a rule whose need is not reported must have nothing to do.
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

Need: TypeAlias = Literal[
    "tools",
    "duplicate tool",
    "illegal tool name",
    "tool not offered",
    "tool choice",
    "user not first",
    "user not last",
    "system message",
    "repeated role",
    "empty turn",
    "unpaired call",
    "empty result",
    "image",
    "image in result",
    "document",
    "document in result",
    "unsigned thinking",
    "several thinking blocks",
]
"""``illegal tool name``: includes names that differ in letter case alone. ``unpaired call``: a call
whose id is illegal or not unique, or that lacks its one result in the next turn; and a result
without its call in the turn before. ``document``: a binary one.
"""


def needs(conversation: Conversation) -> set[Need]:
    """All needs of the conversation."""
    found: set[Need] = set()
    if conversation.tool_choice.mode != "auto":
        found.add("tool choice")
    messages = conversation.messages
    _check_roles(messages, found)
    called = _check_turns(messages, found)
    if conversation.tools or called:
        _check_tools(conversation, called, found)
    return found


def same_needs(before: Conversation, after: Conversation) -> bool:
    """Whether a rule changed only the texts and schemas of tools, on which no need depends."""
    return after.messages is before.messages and len(after.tools) == len(before.tools)


def _check_tools(conversation: Conversation, called: set[str], found: set[Need]) -> None:
    offered = {tool.name for tool in conversation.tools}
    if conversation.tools:
        found.add("tools")
    if len(offered) != len(conversation.tools):
        found.add("duplicate tool")
    if not called <= offered:
        found.add("tool not offered")
    if renamed(offered | called):
        found.add("illegal tool name")


def _check_roles(messages: Sequence[Message], found: set[Need]) -> None:
    if not messages or messages[0].role != "user":
        found.add("user not first")
    if not messages or messages[-1].role != "user":
        found.add("user not last")
    role = ""
    for message in messages:
        if message.role == role:
            found.add("repeated role")
        role = message.role
        if role == "system":
            found.add("system message")


def _check_turns(messages: Sequence[Message], found: set[Need]) -> set[str]:
    """Returns the names of the tools called. Every part of the conversation passes this loop, so
    the usual kinds are handled in it and nothing is called for them.
    """
    names: set[str] = set()
    ids: list[str] = []
    expected: list[str] = []  # the ids of the calls of the turn before
    others: list[Any] = []
    for message in messages:
        called: list[str] = []
        answered: list[str] = []
        has_text = False
        part: Any
        for part in message.parts:
            kind = type(part)
            if kind is Text:
                if part.text:
                    has_text = True
            elif kind is ToolCall:
                called.append(part.id)
                names.add(part.name)
            elif kind is ToolResult:
                answered.append(part.call_id)
                _check_result(part.content, found)
            else:
                others.append(part)
        if others:
            has_text = _check_others(others, found) or has_text
            others.clear()
        if not (has_text or called or answered):
            found.add("empty turn")
        if answered != expected:
            _check_pairs(answered, expected, found)
        expected = called
        ids += called
    if ids:
        _check_ids(ids, found)
    if expected:
        found.add("unpaired call")
    return names


def _check_ids(ids: list[str], found: set[Need]) -> None:
    if len(set(ids)) != len(ids) or not all(map(legal_id, ids)):
        found.add("unpaired call")


def _check_pairs(answered: list[str], expected: list[str], found: set[Need]) -> None:
    """Results may come in another order than their calls."""
    if sorted(answered) != sorted(expected):
        found.add("unpaired call")


def _check_result(content: Sequence[ResultPart], found: set[Need]) -> None:
    has_content = False
    for part in content:
        if type(part) is Text:
            has_content = has_content or part.text != ""
        elif type(part) is Image:
            has_content = True
            found.update(("image", "image in result"))
        elif type(part) is Document:
            if part.text is None:
                found.update(("document", "document in result"))
            has_content = has_content or part.text != "" or bool(part.title)
    if not has_content:
        found.add("empty result")


def _check_others(parts: Sequence[Part], found: set[Need]) -> bool:
    """Whether a document among them has text; images and thinking blocks do not count as text."""
    has_text = False
    thinking_blocks = 0
    for part in parts:
        if isinstance(part, Image):
            found.add("image")
        elif isinstance(part, Document):
            if part.text is None:
                found.add("document")
            else:
                has_text = has_text or bool(part.text or part.title)
        elif isinstance(part, Thinking | RedactedThinking):
            thinking_blocks += 1
            if isinstance(part, Thinking) and not part.signature:
                found.add("unsigned thinking")
    if thinking_blocks > 1:
        found.add("several thinking blocks")
    return has_text
