"""The ids that a conversation has at the service.

The service keeps nothing under them, but caches the prompts of GPT models by the id: it has to be
the same for all turns of a conversation, and another for what would push the conversation out of
the cache: another family of models, a sub-agent, a request that the client makes on the side (a
title, a check of the quota), which has another prompt. All ids are hashes (UUIDv5), and the same in
every worker.
"""

from msgspec import Struct

from app.common.ids import named_id
from app.core.conversation import Conversation, Message, Text, ToolCall, ToolResult

_BEGINNING = 256
"""Characters of the system text that tell the side requests of a session apart."""
_HASHED = 16 * 1024
"""Characters of the texts that a conversation without a session is known by."""


class ConversationIds(Struct, frozen=True):
    """``own`` is the conversation's. ``continuation`` is the same for all requests that one turn of
    the user leads to. ``root`` is that of the conversation that started this one, "" if none did.
    """

    own: str
    continuation: str = ""
    root: str = ""


NO_IDS = ConversationIds("")


def conversation_ids(conversation: Conversation, family: str) -> ConversationIds:
    """The ids of a conversation with a model of this family."""
    own = _id(family, *_identity(conversation))
    root = _id(family, conversation.root) if conversation.root else ""
    return ConversationIds(own, _continuation(own, conversation), root)


def _id(*parts: str) -> str:
    return named_id("\0".join(("kiro2api", *parts)))


def _identity(conversation: Conversation) -> tuple[str, ...]:
    session, system = conversation.session, conversation.system
    if not session:
        first = next((turn for turn in conversation.messages if turn.role == "user"), None)
        return "", system[:_HASHED], _text(first)[:_HASHED] if first else ""
    return (session, "side", system[:_BEGINNING]) if _is_aside(conversation) else (session,)


def _is_aside(conversation: Conversation) -> bool:
    """Agents offer their tools with each request of a conversation, and none on the side."""
    if conversation.tools:
        return False
    parts = (part for message in conversation.messages for part in message.parts)
    return not any(type(part) is ToolCall for part in parts)


def _continuation(own: str, conversation: Conversation) -> str:
    """By the last turn that the user wrote: a turn with results of tools continues it."""
    messages = conversation.messages
    for index in range(len(messages) - 1, -1, -1):
        turn = messages[index]
        if turn.role == "user" and not any(type(part) is ToolResult for part in turn.parts):
            return _id(own, str(index), _text(turn)[:_HASHED])
    return _id(own)


def _text(turn: Message) -> str:
    return "\n\n".join(part.text for part in turn.parts if isinstance(part, Text))
