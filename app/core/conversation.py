"""The internal form of a conversation, independent of client dialects and of the upstream.

Every dialect parses its own JSON into a :class:`Conversation`; the CodeWhisperer side renders it
into a request body. A dialect must reject what it cannot express here, or name it in
:attr:`Conversation.ignored`; nothing is dropped silently.

All values are immutable: a repair makes a new conversation, and the client's original request stays
available.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.json import Encoder

Role: TypeAlias = Literal["system", "user", "assistant"]
ImageFormat: TypeAlias = Literal["png", "jpeg", "gif", "webp"]
DocumentFormat: TypeAlias = Literal["pdf", "doc", "docx", "xls", "xlsx"]
Effort: TypeAlias = Literal["none", "low", "medium", "high", "xhigh", "max"]

HostedKind: TypeAlias = Literal["tool_search_regex", "tool_search_bm25", "web_search"]
SearchError: TypeAlias = Literal[
    "", "invalid_tool_input", "unavailable", "too_many_requests", "execution_time_exceeded"
]
WebSearchError: TypeAlias = Literal[
    "",
    "invalid_tool_input",
    "unavailable",
    "max_uses_exceeded",
    "too_many_requests",
    "query_too_long",
]

_encode = Encoder().encode


class Text(Struct, frozen=True, gc=False):
    """Plain text; may be empty."""

    text: str


class Image(Struct, frozen=True, gc=False):
    """An inline image. ``data`` is standard base64, checked by the dialect."""

    format: ImageFormat
    data: str


class Document(Struct, frozen=True, gc=False):
    """A text document, or a binary one: ``text`` is None, and ``data`` is standard base64 of the
    ``format`` that its bytes have, checked by the dialect. ``field`` is where the client's body
    holds a binary one.
    """

    text: str | None
    title: str | None = None
    format: DocumentFormat | None = None
    data: str = ""
    field: str = ""


class Remote(Struct, frozen=True, gc=False):
    """An image or a document that the client has by URL (http or https). It is fetched or refused
    before anything else sees the conversation. ``field`` is where the client's body has the URL;
    ``title`` and ``context`` are those of a document, None if the client gave none.
    """

    url: str
    kind: Literal["image", "document"]
    field: str
    title: str | None = None
    context: str | None = None


class Thinking(Struct, frozen=True, gc=False):
    """A reasoning block as the upstream sent it; ``signature`` is empty if it sent none."""

    text: str
    signature: str = ""


class RedactedThinking(Struct, frozen=True, gc=False):
    """Opaque reasoning in base64, which must be sent back unchanged."""

    data: str


class ToolCall(Struct, frozen=True, gc=False):
    """A tool call by the assistant. ``input`` is a JSON object."""

    id: str
    name: str
    input: dict[str, Any]


class ToolResult(Struct, frozen=True, gc=False):
    """The result of the tool call with the id ``call_id``."""

    call_id: str
    content: "tuple[ResultPart, ...]" = ()
    is_error: bool = False


class ToolSearchResult(Struct, frozen=True, gc=False):
    """The names of the tools that a search found, the best first; or why it failed, in the words of
    the Messages API, and "" if it did not.
    """

    found: tuple[str, ...] = ()
    error: SearchError = ""


class WebPage(Struct, frozen=True, gc=False):
    """A page that a web search found. ``text`` is an extract of it, and ``date`` (YYYY-MM-DD) that
    of its publication, "" if not known. By ``mark`` the model names the page when it cites it.
    """

    url: str
    title: str
    text: str = ""
    date: str = ""
    mark: str = ""


class WebSearchResult(Struct, frozen=True, gc=False):
    """The pages that a search found, the best first; or why it failed, as in
    :class:`ToolSearchResult`.
    """

    pages: tuple[WebPage, ...] = ()
    error: WebSearchError = ""


class CitedText(Struct, frozen=True, gc=False):
    """Text that the model says it took from these pages, at least one: a part and an event of an
    answer, like :class:`HostedToolUse`. In a conversation it is plain text.
    """

    text: str
    pages: tuple[WebPage, ...]


class HostedToolUse(Struct, frozen=True, gc=False):
    """A call of a tool that the gateway ran itself, and its result: a part and an event of an
    answer. In a conversation it is a call and a result (:mod:`.hosted`).
    """

    id: str
    name: str
    input: dict[str, Any]
    result: ToolSearchResult | WebSearchResult


class Summary(Struct, frozen=True, gc=False):
    """What stands for earlier turns: a part and an event of an answer. None: there was to be one,
    and the model wrote none. In a conversation it is a text (:mod:`.compaction`).
    """

    content: str | None


ResultPart: TypeAlias = Text | Image | Document | Remote
Part: TypeAlias = (
    Text
    | Image
    | Document
    | Remote
    | Thinking
    | RedactedThinking
    | ToolCall
    | ToolResult
    | HostedToolUse
    | CitedText
    | Summary
)


class Message(Struct, frozen=True, gc=False):
    """One turn. The dialect checks which parts each role may hold."""

    role: Role
    parts: tuple[Part, ...]


def as_one(turns: Sequence[Message]) -> Message:
    """Join turns of the same role into one. A single turn is returned as is."""
    if len(turns) == 1:
        return turns[0]
    return Message(turns[0].role, tuple(part for turn in turns for part in turn.parts))


class Tool(Struct, frozen=True, dict=True):
    """A tool the model may call. ``schema`` is the client's JSON Schema of the tool's input.
    ``strict``: only an input that is valid against it may reach the client; ``field`` is then where
    the client's body holds the schema.
    """

    name: str
    description: str = ""
    schema: dict[str, Any] = msgspec.field(default_factory=dict)
    strict: bool = False
    field: str = ""

    @cached_property
    def schema_json(self) -> bytes:
        """The schema as JSON, to be sent and measured. Raises RecursionError."""
        return _encode(self.schema)

    @classmethod
    def of_json(cls, name: str, description: str, schema: dict[str, Any], json: bytes) -> "Tool":
        """A tool whose schema was written as ``json`` already."""
        tool = cls(name, description, schema)
        vars(tool)["schema_json"] = json
        return tool


class WebSearch(Struct, frozen=True):
    """How the web is to be searched in one answer: at most ``max_uses`` times, None for any number;
    of each search at most ``most`` pages, all of ``allowed`` domains unless that is empty and none
    of ``blocked`` ones, subdomains included. A domain may have the beginning of a path. ``earlier``
    are pages of earlier answers, which can be cited again. ``cites``: the model is asked to cite.
    ``pauses``: the client can have an answer go on that paused in the middle of its searches.
    """

    max_uses: int | None = None
    most: int = 10
    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    earlier: tuple[WebPage, ...] = ()
    cites: bool = True
    pauses: bool = True


class HostedTool(Struct, frozen=True):
    """A tool that the gateway runs itself, and then lets the model go on. ``name`` is that of a
    tool that is offered. ``web`` is there for the kind of that name.
    """

    name: str
    kind: HostedKind
    web: WebSearch = WebSearch()


class ToolChoice(Struct, frozen=True):
    """``auto``: the model decides. ``any``: the model must call a tool. ``tool``: the model must
    call the tool ``name``. ``none``: the model must not call a tool.
    """

    mode: Literal["auto", "any", "tool", "none"] = "auto"
    name: str = ""


class Reasoning(Struct, frozen=True):
    """How much the model should think. None leaves it to the model's default. ``between_tools``:
    it should think only between tool calls (``enabled`` is true).
    """

    enabled: bool | None = None
    effort: Effort | None = None
    omit_text: bool = False
    between_tools: bool = False


class Compaction(Struct, frozen=True):
    """The answer is to begin with a summary that stands for the conversation from then on, if the
    conversation has as many tokens as ``threshold`` or more.

    ``ends``: nothing but the summary is wanted. ``keeps_asked``: what user and system said stays as
    it is, and the summary stands for the rest. ``instructions`` replace the gateway's own, unless
    empty.
    """

    threshold: int = 0
    ends: bool = False
    keeps_asked: bool = False
    instructions: str = ""


class Conversation(Struct, frozen=True):
    """One whole request.

    ``system`` is the system prompt; system messages inside the conversation are messages with the
    role ``system``. ``hosted`` are those of ``tools`` that the gateway runs. ``deferred`` are tools
    that a hosted search can find; the model is offered them only then. ``json_schema`` asks for one
    JSON document as the answer: a document of that schema, or any object if the schema is empty.
    ``max_tokens`` is the most that the answer may have, its reasoning included.
    ``stop_sequences``, none of them empty, end the answer where its text has one of them.
    ``parallel_calls``: an answer may have more than one tool call. ``session`` is the client's
    session id, "" if it sent none; a session id is the same for all turns of a conversation.
    ``root`` is the session of the agent that started this one as a sub-agent, "" if none did.
    ``ignored`` and ``notes`` name what the dialect ignored and what it rewrote; both are sent in
    the answer's headers. ``size`` is that of the request's body in bytes.
    """

    model: str
    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    reasoning: Reasoning = Reasoning()
    json_schema: dict[str, Any] | None = None
    max_tokens: int | None = None
    stop_sequences: tuple[str, ...] = ()
    parallel_calls: bool = True
    session: str = ""
    root: str = ""
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    size: int = 0
    hosted: tuple[HostedTool, ...] = ()
    deferred: tuple[Tool, ...] = ()
    compaction: Compaction | None = None
    json_schema_field: str = ""
    streamed: bool = False
    asks_again: bool = True

    @property
    def allowed_tools(self) -> tuple[Tool, ...]:
        """Those of ``tools`` that ``tool_choice`` lets the model call."""
        choice = self.tool_choice
        if choice.mode == "none":
            return ()
        if choice.mode == "tool":
            return tuple(tool for tool in self.tools if tool.name == choice.name)
        return self.tools

    def __repr__(self) -> str:
        """Shows no content, since a repr may reach a log or a traceback."""
        return f"<Conversation with {self.model}: {len(self.messages)} messages>"
