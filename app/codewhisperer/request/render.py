"""Renders a conversation as the body of a GenerateAssistantResponse request.

:mod:`.repair` makes the conversation acceptable; this module writes it once, without copying any
text. The service refuses its field for the system text: as in the Amazon Q CLI, it is a separate
turn before the conversation, which the assistant acknowledges. The prefix of the prompt then stays
the same even if the first user turn changes. Not here: sampling parameters, for which the service
has no members.
"""

from typing import Any

from msgspec import Raw, Struct
from msgspec.json import Encoder

from app.codewhisperer.service.hosts import Host
from app.common.errors import GatewayError, Kind
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
from app.core.explanation import Watch
from app.models.model import Model

from . import wire
from .reasoning import request_fields
from .repair import Limits, repair
from .repair.attachments import MAX_IMAGE_BYTES
from .sent_documents import SentDocument

MAX_CONTENT = 600_000
"""Characters in one user turn (service model)."""
MAX_RESULT = 800_000
"""Characters in one text of a tool result (service model)."""

ACKNOWLEDGEMENT = "Understood."
"""The assistant's answer to the turn that holds the system text."""

AGENT_MODE = "vibe"
"""The kind of work: a conversation, in the words of the official clients."""

_encode = Encoder().encode


class RenderedRequest(Struct, frozen=True):
    """``body`` is JSON. ``tool_names``: the client's name by the service's name, for each renamed
    tool. ``repairs`` and ``ignored`` name what rendering rewrote and what has no effect; the names
    that the conversation itself carries are not included. ``bounds_output``: the service was told
    to keep the conversation's ``max_tokens``.
    """

    body: bytes
    tool_names: dict[str, str]
    repairs: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    documents: tuple[SentDocument, ...] = ()
    bounds_output: bool = False

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
    continuation_id: str = "",
    root_id: str = "",
    max_image_bytes: int = MAX_IMAGE_BYTES,
    earlier_documents: bool = True,
    watch: Watch | None = None,
) -> RenderedRequest:
    """The request for a host and a model.

    The ids are :class:`app.codewhisperer.conversation_ids.ConversationIds`'; only the newest hosts
    know the last two. ``max_description``: the longest tool description, in characters, that is
    sent as one. ``max_image_bytes``: the decoded bytes of all images together.
    ``earlier_documents``: whether binary documents of earlier turns are sent. ``watch`` is shown
    each repair. Raises GatewayError: INVALID_REQUEST for what no rule can repair, CONTEXT_TOO_LONG
    for a turn that is too long for the service.
    """
    fields = request_fields(conversation.reasoning, conversation.max_tokens, model.fields)
    limits = Limits(
        max_description, max_image_bytes, earlier_documents, "image" in model.input_types
    )
    turns = _TurnWriter(model.upstream_id(host.generation), host.origin)
    try:
        repaired = repair(conversation, limits, watch)
        state = _state(repaired.conversation, turns, conversation_id)
        mode = None
        if host.binding == "json-rpc":
            mode = AGENT_MODE
            state.agent_continuation_id, state.root_conversation_id = continuation_id, root_id
        body = _encode(
            wire.GenerateAssistantResponse(state, profile_arn or None, mode, fields.fields)
        )
    except RecursionError as error:
        raise GatewayError(
            Kind.INVALID_REQUEST,
            "The request cannot be sent upstream: its JSON is nested too deeply. Flatten it.",
        ) from error
    if watch is not None:
        for name in fields.repairs:
            watch(name, conversation.reasoning, fields.fields)
    return RenderedRequest(
        body,
        repaired.tool_names,
        repaired.rules + fields.repairs,
        fields.ignored,
        tuple(turns.documents),
        fields.bounds_output,
    )


def _state(
    conversation: Conversation, turns: "_TurnWriter", conversation_id: str
) -> wire.ConversationState:
    """``conversation`` is repaired: turns alternate strictly, the user comes first and last."""
    history: list[wire.UserTurn | wire.AssistantTurn] = []
    if conversation.system:
        history.append(turns.user(Message("user", (Text(conversation.system),))))
        history.append(turns.assistant(Message("assistant", (Text(ACKNOWLEDGEMENT),))))
    *earlier, last = conversation.messages
    for message in earlier:
        history.append(turns.user(message) if message.role == "user" else turns.assistant(message))
    current = turns.user(last, [_tool(tool) for tool in conversation.tools])
    return wire.ConversationState("MANUAL", conversation_id, current, AGENT_MODE, history)


def _tool(tool: Tool) -> wire.Tool:
    schema = wire.InputSchema(Raw(tool.schema_json))
    return wire.Tool(wire.ToolSpecification(tool.name, tool.description, schema))


class _TurnWriter:
    """Writes turns; keeps the model id and the origin, which every user turn repeats, and notes
    the documents that it wrote.
    """

    def __init__(self, model_id: str, origin: str) -> None:
        self._model_id = model_id
        self._origin = origin
        self.documents: list[SentDocument] = []

    def user(self, message: Message, tools: list[wire.Tool] | None = None) -> wire.UserTurn:
        texts: list[str] = []
        images: list[wire.ImageBlock] = []
        documents: list[wire.DocumentBlock] = []
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
            elif kind is Document and part.text is None:
                documents.append(self._document(part))
            elif kind is Document:
                texts.append(_titled(part))
            else:
                raise _misplaced(kind, "user")
        content = _joined(texts)
        if len(content) > MAX_CONTENT:
            raise _too_long("A message", len(content), MAX_CONTENT)
        context = wire.UserInputMessageContext(results, tools or []) if results or tools else None
        return wire.UserTurn(
            wire.UserInputMessage(content, self._model_id, self._origin, images, documents, context)
        )

    def _document(self, document: Document) -> wire.DocumentBlock:
        name, form = document.title or "", document.format or ""
        self.documents.append(SentDocument(name, form, document.field))
        return wire.DocumentBlock(name, form, wire.DocumentSource(document.data))

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
        if kind is Image or (kind is Document and part.text is None):
            raise _misplaced(kind, "tool")
        if text := part.text if kind is Text else _titled(part):
            if len(text) > MAX_RESULT:
                raise _too_long("A tool result", len(text), MAX_RESULT)
            content.append(wire.ToolResultText(text))
    return wire.ToolResult(result.call_id, content, "error" if result.is_error else "success")


def _titled(document: Document) -> str:
    """The document's text under its title as a heading."""
    return _joined([f"# {document.title}" if document.title else "", document.text or ""])


def _joined(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else "\n\n".join(filter(None, texts))


def _too_long(what: str, length: int, limit: int) -> GatewayError:
    return GatewayError(
        Kind.CONTEXT_TOO_LONG,
        f"{what} has {length} characters; CodeWhisperer accepts at most {limit}. Shorten or split"
        " it.",
    )


def _misplaced(kind: type, role: str) -> GatewayError:
    return GatewayError(
        Kind.INVALID_REQUEST, f"A {role} message cannot hold {kind.__name__}.", field="messages"
    )
