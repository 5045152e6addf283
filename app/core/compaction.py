"""A summary in place of earlier turns: how it is asked for, and how a conversation holds it.

The same for an answer that goes on after its summary and for the requests that bring the summary
back, so that the next request begins like the one before it.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from .conversation import Compaction, Conversation, Message, Summary, Text, ToolChoice, ToolResult

ASKED = """\
The conversation above is about to be replaced by a summary of it, which you write now. Whoever \
continues the work sees nothing else of it, so write down all that is needed for that:
- what the user wants, in the user's own words where they matter, with every rule and preference \
that still holds, and the latest request in full;
- what was done and found out, with the names, paths, commands, values and errors that matter;
- decisions, and the reasons for them;
- what is unfinished, and the next steps.
Answer with the summary alone, as text. Do not call a tool, and do not continue the work."""
"""The last turn of the conversation that is to be summed up."""

SUMMED_UP = "compaction"
"""The note that names it."""
HEAD = """\
[The earlier part of this conversation was replaced by this summary of it. Continue from here.]

"""


def asking(conversation: Conversation) -> Conversation:
    """The conversation whose answer is the summary of this one: the same up to its end, so that
    what the service has cached of it serves once more.
    """
    wanted = conversation.compaction or Compaction()
    asked = Message("user", (Text(wanted.instructions.strip() or ASKED),))
    return replace(
        conversation,
        messages=(*conversation.messages, asked),
        tool_choice=ToolChoice(),
        json_schema=None,
        max_tokens=None,
        stop_sequences=(),
        parallel_calls=True,
        hosted=(),
        compaction=None,
        notes=(*conversation.notes, SUMMED_UP),
    )


def without_tools(conversation: Conversation) -> Conversation:
    """The same for a model that called a tool instead."""
    return replace(conversation, tools=(), deferred=())


def compacted(conversation: Conversation, summary: Summary) -> Conversation:
    """The conversation with the summary in place of what it stands for."""
    wanted = conversation.compaction or Compaction()
    told = Message("user", (summary,))
    return replace(
        conversation,
        messages=from_summary((*conversation.messages, told), keeps_asked=wanted.keeps_asked),
        compaction=None,
    )


def from_summary(messages: Sequence[Message], *, keeps_asked: bool) -> tuple[Message, ...]:
    """The conversation without what its last summary stands for: all before it or, with
    ``keeps_asked``, what the assistant said and what tools gave it.
    """
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        for place in range(len(message.parts) - 1, -1, -1):
            part = message.parts[place]
            if isinstance(part, Summary) and part.content:
                before = filter(_is_asked, messages[:index]) if keeps_asked else ()
                told = Message("user", (Text(HEAD + part.content),))
                rest = message.parts[place + 1 :]
                behind = (Message(message.role, rest),) if rest else ()
                return (*before, told, *behind, *messages[index + 1 :])
    return tuple(messages)


def _is_asked(message: Message) -> bool:
    """Whether a turn is of the user or the system, and neither results nor an older summary."""
    if message.role == "assistant":
        return False
    return not any(isinstance(part, ToolResult | Summary) for part in message.parts)
