"""A conversation as the body of a GenerateAssistantResponse request.

:mod:`.repair` makes it acceptable, this module writes it down, once and without a copy of any text.
The service has no field for the system text: as in the Amazon Q CLI, it is a turn of its own before
the conversation, answered by a word of the assistant. So the prefix stays the same whatever becomes
of the first user turn. Deliberately absent: ``max_tokens`` and sampling, for which the service has
no members that every host takes.
"""

from typing import Any

from msgspec import Struct
from msgspec.json import Encoder

from app.codewhisperer.service.hosts import Host
from app.core.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    RedactedThinking,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from app.errors import GatewayError, Kind
from app.models.table import Model

from . import wire
from .reasoning import request_fields
from .repair import repair

MAX_CONTENT = 600_000
"""Characters of one user's turn, by the service model."""
MAX_RESULT = 800_000
"""Characters of one text of a tool's result, by the service model."""

UNDERSTOOD = "Understood."

_encode = Encoder().encode


class RenderedRequest(Struct, frozen=True):
    """``body`` is JSON. ``tool_names``: the client's name of each tool that the service knows by
    another. ``repairs``: what was rewritten, and ``ignored``: what has no effect, by name; those
    that the conversation brings along are not among them.
    """

    body: bytes
    tool_names: dict[str, str]
    repairs: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<RenderedRequest of {len(self.body)} bytes>"


def render(
    conversation: Conversation,
    *,
    host: Host,
    model: Model,
    profile_arn: str | None,
    conversation_id: str,
    max_description: int,
) -> RenderedRequest:
    """The request for a host and a model.

    Raises GatewayError: INVALID_REQUEST for what no repair can mend, CONTEXT_TOO_LONG for a turn
    that the service would refuse for its length.
    """
    fields = request_fields(conversation.reasoning, model, host.generation)
    turns = _TurnWriter(model.upstream_id(host.generation), host.origin)
    try:
        repaired = repair(conversation, max_description=max_description)
        state = _state(repaired.conversation, turns, conversation_id)
        body = _encode(wire.GenerateAssistantResponse(state, profile_arn or None, fields.fields))
    except RecursionError as error:
        raise GatewayError(
            Kind.INVALID_REQUEST, "The request holds JSON nested too deeply to be passed on."
        ) from error
    closest = ("closest-effort",) if fields.changed else ()
    return RenderedRequest(body, repaired.tool_names, repaired.rules + closest, fields.ignored)


def _state(
    conversation: Conversation, turns: "_TurnWriter", conversation_id: str
) -> wire.ConversationState:
    """Of a repaired conversation: strictly alternating, the user first and last."""
    history: list[wire.UserTurn | wire.AssistantTurn] = []
    if conversation.system:
        history.append(turns.user(Message("user", (Text(conversation.system),))))
        history.append(turns.assistant(Message("assistant", (Text(UNDERSTOOD),))))
    *earlier, last = conversation.messages
    for message in earlier:
        history.append(turns.user(message) if message.role == "user" else turns.assistant(message))
    current = turns.user(last, [_tool(tool) for tool in conversation.tools])
    return wire.ConversationState("MANUAL", conversation_id, current, "vibe", history)


def _tool(tool: Tool) -> wire.Tool:
    schema = wire.InputSchema(tool.schema)
    return wire.Tool(wire.ToolSpecification(tool.name, tool.description, schema))


class _TurnWriter:
    """Writes turns; knows what every user's turn repeats."""

    def __init__(self, model_id: str, origin: str) -> None:
        self._model_id = model_id
        self._origin = origin

    def user(self, message: Message, tools: list[wire.Tool] | None = None) -> wire.UserTurn:
        texts: list[str] = []
        images: list[wire.ImageBlock] = []
        results: list[wire.ToolResult] = []
        part: Any
        for part in message.parts:
            kind = type(part)
            if kind is Text:
                texts.append(part.text)
            elif kind is ToolResult:
                results.append(_result(part))
            elif kind is Image:
                images.append(wire.ImageBlock(part.format, wire.ImageSource(part.data)))
            elif kind is Document:
                texts.append(_titled(part))
            else:
                raise _misplaced(kind, "user")
        content = _joined(texts)
        if len(content) > MAX_CONTENT:
            raise _too_long("A message", len(content), MAX_CONTENT)
        context = wire.UserInputMessageContext(results, tools or []) if results or tools else None
        return wire.UserTurn(
            wire.UserInputMessage(content, self._model_id, self._origin, images, context)
        )

    def assistant(self, message: Message) -> wire.AssistantTurn:
        texts: list[str] = []
        calls: list[wire.ToolUse] = []
        reasoning: wire.ReasoningContent | None = None
        part: Any
        for part in message.parts:
            kind = type(part)
            if kind is Text:
                texts.append(part.text)
            elif kind is ToolCall:
                calls.append(wire.ToolUse(part.id, part.name, part.input))
            elif kind is Thinking:
                text = wire.ReasoningText(part.text, part.signature)
                reasoning = wire.ReasoningContent(reasoning_text=text)
            elif kind is RedactedThinking:
                reasoning = wire.ReasoningContent(redacted_content=part.data)
            else:
                raise _misplaced(kind, "assistant")
        return wire.AssistantTurn(wire.AssistantResponseMessage(_joined(texts), calls, reasoning))


def _result(result: ToolResult) -> wire.ToolResult:
    content = []
    part: Any
    for part in result.content:
        kind = type(part)
        if kind is Image:
            raise _misplaced(Image, "tool")
        if text := part.text if kind is Text else _titled(part):
            if len(text) > MAX_RESULT:
                raise _too_long("A tool result", len(text), MAX_RESULT)
            content.append(wire.ToolResultText(text))
    return wire.ToolResult(result.call_id, content, "error" if result.is_error else "success")


def _titled(document: Document) -> str:
    """A document is its text under its title."""
    return _joined([f"# {document.title}" if document.title else "", document.text or ""])


def _joined(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else "\n\n".join(filter(None, texts))


def _too_long(what: str, length: int, limit: int) -> GatewayError:
    return GatewayError(
        Kind.CONTEXT_TOO_LONG,
        f"{what} has {length} characters, of which CodeWhisperer takes at "
        f"most {limit}; shorten or split it.",
    )


def _misplaced(kind: type, role: str) -> GatewayError:
    return GatewayError(
        Kind.INVALID_REQUEST, f"A {role} message cannot hold {kind.__name__}.", field="messages"
    )
