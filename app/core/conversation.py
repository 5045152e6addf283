"""One conversation, in words that belong to no client dialect and to no upstream.

Every dialect parses its own JSON into a :class:`Conversation`; the CodeWhisperer side renders one
into its own. What a dialect could not express here it must refuse or name in
:attr:`Conversation.ignored`; nothing is dropped in silence.

All values are immutable, so a repair makes a new one and the request as the client sent it stays at
hand.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field
from msgspec.json import Encoder

Role: TypeAlias = Literal["system", "user", "assistant"]
ImageFormat: TypeAlias = Literal["png", "jpeg", "gif", "webp"]
Effort: TypeAlias = Literal["none", "low", "medium", "high", "xhigh", "max"]

_encode = Encoder().encode


class Text(Struct, frozen=True, gc=False):
    """Plain text; may be empty."""

    text: str


class Image(Struct, frozen=True, gc=False):
    """A picture given inline. ``data`` is standard base64, checked by the dialect."""

    format: ImageFormat
    data: str


class Document(Struct, frozen=True, gc=False):
    """A document whose text is known (``text``), or a binary one of which only the size in bytes is
    (``text`` None).
    """

    text: str | None
    title: str | None = None
    media_type: str = "text/plain"
    size: int = 0


class Thinking(Struct, frozen=True, gc=False):
    """A reasoning block as an upstream gave it; ``signature`` is empty when none came with it."""

    text: str
    signature: str = ""


class RedactedThinking(Struct, frozen=True, gc=False):
    """Opaque reasoning, base64, to be given back unchanged."""

    data: str


class ToolCall(Struct, frozen=True, gc=False):
    """The assistant asked for a tool. ``input`` is a JSON object."""

    id: str
    name: str
    input: dict[str, Any]


class ToolResult(Struct, frozen=True, gc=False):
    """What the tool of the call ``call_id`` answered."""

    call_id: str
    content: "tuple[ResultPart, ...]" = ()
    is_error: bool = False


ResultPart: TypeAlias = Text | Image | Document
Part: TypeAlias = Text | Image | Document | Thinking | RedactedThinking | ToolCall | ToolResult


class Message(Struct, frozen=True, gc=False):
    """One turn. Which part may stand under which role is for the dialect to check."""

    role: Role
    parts: tuple[Part, ...]


def as_one(turns: Sequence[Message]) -> Message:
    """Turns of one role as one turn, which is itself if there is no other."""
    if len(turns) == 1:
        return turns[0]
    return Message(turns[0].role, tuple(part for turn in turns for part in turn.parts))


class Tool(Struct, frozen=True, dict=True):
    """A tool that the model may call. ``schema`` is the JSON Schema of its input, as the client
    wrote it.
    """

    name: str
    description: str = ""
    schema: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def schema_json(self) -> bytes:
        """The schema as JSON: what is measured, and what results are kept by. Raises
        RecursionError.
        """
        return _encode(self.schema)


class ToolChoice(Struct, frozen=True):
    """``auto``: the model decides. ``any``: some tool must be called. ``tool``: the one named.
    ``none``: no tool.
    """

    mode: Literal["auto", "any", "tool", "none"] = "auto"
    name: str = ""


class Reasoning(Struct, frozen=True):
    """How much the model should think. None means: as the model does by default."""

    enabled: bool | None = None
    effort: Effort | None = None
    omit_text: bool = False


class Conversation(Struct, frozen=True):
    """One request, whole.

    ``system`` is the text that stands before the conversation; messages of role ``system`` are
    those that stand inside it. ``json_schema`` asks for an answer that is one JSON document: of
    that schema, or any object when it is empty. ``session`` names the client's session when it told
    one: equal sessions are continued conversations. ``ignored`` and ``notes`` name what the dialect
    ignored, and what it rewrote, for the answer's headers.
    """

    model: str
    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    reasoning: Reasoning = Reasoning()
    json_schema: dict[str, Any] | None = None
    session: str = ""
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Nothing of what was said: it may come into a log or a traceback."""
        return f"<Conversation with {self.model}: {len(self.messages)} messages>"
