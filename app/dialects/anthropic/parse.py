"""Reads a Messages API body into a conversation, or refuses it with a 400 that names the field.

Members that this gateway does not know are ignored and named in :attr:`Conversation.ignored`, at
any depth, since clients use new betas constantly; so are members that have no effect here. Rules of
a conversation that types cannot express (alternation, a result for each tool call) are not checked
here: the conversation is repaired when it is rendered for the upstream.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import replace

from app.common.errors import GatewayError, Kind
from app.core.compaction import from_summary
from app.core.conversation import (
    Compaction,
    Conversation,
    Effort,
    Message,
    Part,
    Reasoning,
    Role,
    ToolResult,
)
from app.core.edits import Applied, Edit, edited
from app.core.headers import Headers
from app.core.hosted import turns
from app.core.known_parts import convert_body, decoder
from app.core.limits.stop_sequences import check_size
from app.core.typed_json import TOO_DEEP, FieldError, Record, decode, ignore_unknown, label

from . import blocks, context, schema, tools
from .block_types import TextBlock
from .tool_changes import net_changes

BILLING_HEADER = "x-anthropic-billing-header:"
SESSION_HEADERS = ("X-Conversation-ID", "X-Session-ID")
_decode = decoder(schema.MessagesRequest, "tools")


class ParsedRequest(Struct, frozen=True):
    """``model`` is the name that the client used, for the answer. ``safeguards`` are the types of
    the checks that it wants of the answer. ``edits`` is what was cleared of its history, None if it
    did not ask for that. ``tool_changes`` are those that a summary of the conversation carries.
    """

    conversation: Conversation
    stream: bool
    model: str
    safeguards: tuple[str, ...] = ()
    edits: tuple[Applied, ...] | None = None
    tool_changes: Sequence[dict[str, Any]] = ()


class ParsedCount(Struct, frozen=True):
    """``original`` is the conversation as it was sent, None if nothing of it is left out."""

    conversation: Conversation
    original: Conversation | None = None


class _Read(Struct, frozen=True):
    """A body as it was sent. ``summarized``: the conversation has a summary of earlier turns."""

    request: Any
    conversation: Conversation
    edits: tuple[Edit, ...]
    summarized: bool

    def managed(self) -> tuple[Conversation, tuple[Applied, ...] | None]:
        """The conversation that the model sees, and what was cleared of it, None if the client did
        not ask for that.
        """
        conversation = self.conversation
        if self.summarized:
            messages = from_summary(conversation.messages, keeps_asked=False)
            conversation = replace(conversation, messages=messages)
        if self.request.context_management is None:
            return conversation, None
        return edited(conversation, self.edits)


def parse_messages(raw: bytes, headers: Headers) -> ParsedRequest:
    """Read the body of ``POST /v1/messages``. ``headers`` ignores the case of names.

    Raises :class:`GatewayError`, ``INVALID_REQUEST`` with ``field`` as a dotted path, or
    ``UNSUPPORTED_THREAD``.
    """
    read = _parse(raw, headers, schema.MessagesRequest)
    request = read.request
    conversation, edits = read.managed()
    safeguards = tuple(safeguard.type for safeguard in request.safeguards or ())
    changes = net_changes(request.messages) if conversation.compaction else ()
    return ParsedRequest(
        conversation, bool(request.stream), request.model, safeguards, edits, changes
    )


def parse_count_tokens(raw: bytes, headers: Headers) -> ParsedCount:
    """Read the body of ``POST /v1/messages/count_tokens``, as :func:`parse_messages` does. A
    compaction that the body asks for is not made.
    """
    read = _parse(raw, headers, schema.CountTokensRequest)
    conversation, edits = read.managed()
    whole = edits is None and not read.summarized
    return ParsedCount(conversation, None if whole else read.conversation)


def _parse(raw: bytes, headers: Headers, model: type[schema.CountTokensRequest]) -> _Read:
    record = Record()
    try:
        body = decode(raw, record, _decode)
        _refuse_thread(body)
        request = convert_body(body, model, raw)
        ignore_unknown(request, body, record)
        summarize = getattr(request, "compaction", None)
        asked = context.wanted(request.context_management, summarize, record)
        conversation = _conversation(request, body, headers, record, asked.compaction)
        return _Read(request, conversation, asked.edits, record.summarized)
    except RecursionError:
        raise GatewayError(Kind.INVALID_REQUEST, TOO_DEEP) from None
    except FieldError as error:
        path = blocks.dotted(error.path)
        message = f"{path}: {error.problem}" if path else error.problem
        raise GatewayError(Kind.INVALID_REQUEST, message, field=path) from None


def _refuse_thread(body: Mapping[str, Any]) -> None:
    """The earlier turns of a thread are stored at Anthropic. The SDK reacts to this code by sending
    the whole conversation again.
    """
    if body.get("thread") is not None:
        raise GatewayError(
            Kind.UNSUPPORTED_THREAD,
            "thread: message threads are not supported by this gateway;"
            " send the whole conversation in messages",
            field="thread",
            code="thread_unsupported_request",
        )


def _conversation(
    request: schema.CountTokensRequest,
    body: Mapping[str, Any],
    headers: Headers,
    record: Record,
    compaction: Compaction | None,
) -> Conversation:
    last_user = _last_user(request.messages)
    named = getattr(request.tool_choice, "name", "")
    messages = _messages(request.messages, last_user, record)
    output = request.output_config or schema.OutputConfig()
    wanted_format = output.format or request.output_format
    if request.output_format not in (None, wanted_format):
        record.ignore("output_format")
    offer = tools.offered(
        body.get("tools") or (), request.messages, record, named, cites=wanted_format is None
    )
    for name in schema.NOT_HONOURED:
        if getattr(request, name, None) not in (None, []):
            record.ignore(name)
    return Conversation(
        model=request.model,
        messages=messages,
        system=_system(request.system, record),
        tools=offer.tools,
        hosted=offer.hosted,
        deferred=offer.deferred,
        tool_choice=tools.choice(request.tool_choice, offer.tools),
        reasoning=_reasoning(request, last_user, record),
        json_schema=wanted_format.schema if wanted_format else None,
        json_schema_field=f"output_{'config.format' if output.format else 'format'}.schema",
        streamed=bool(getattr(request, "stream", False)),
        max_tokens=getattr(request, "max_tokens", None),
        stop_sequences=_stop_sequences(getattr(request, "stop_sequences", None) or ()),
        parallel_calls=not getattr(request.tool_choice, "disable_parallel_tool_use", False),
        session=_session(request.metadata, headers),
        root=_root(headers),
        ignored=tuple(record.ignored),
        notes=tuple(record.notes),
        size=record.size,
        compaction=compaction,
    )


def _stop_sequences(given: Sequence[str]) -> tuple[str, ...]:
    """The API refuses what is nothing but whitespace."""
    check_size(given, "stop_sequences")
    for index, sequence in enumerate(given):
        if not sequence.strip():
            problem = "Each stop sequence must contain non-whitespace"
            raise FieldError(("stop_sequences", index), problem)
    return tuple(given)


def _messages(messages: Sequence[Any], last_user: int, record: Record) -> tuple[Message, ...]:
    converted = []
    for index, message in enumerate(messages):
        if type(message) is schema.SystemMessage and _is_cleared(message, index, last_user):
            continue
        try:
            parts: tuple[Part, ...] = blocks.parts(
                message.content, record, place=("messages", index)
            )
        except FieldError as error:
            raise error.under("messages", index) from None
        role = _ROLES[type(message)]
        if role == "assistant" and ToolResult in map(type, parts):  # of a search in its own turn
            converted += turns(parts)
        else:
            converted.append(Message(role, parts))
    return tuple(converted)


_ROLES: dict[type, Role] = {
    schema.UserMessage: "user",
    schema.AssistantMessage: "assistant",
    schema.SystemMessage: "system",
}


def _last_user(messages: Sequence[Any]) -> int:
    """The index of the last user message; -1 without one."""
    for index in range(len(messages) - 1, -1, -1):
        if type(messages[index]) is schema.UserMessage:
            return index
    return -1


def _is_cleared(message: schema.SystemMessage, index: int, last_user: int) -> bool:
    """Some system messages apply to one turn only, and clients keep sending them."""
    return message.clear_at == "next_user_message" and index < last_user


def _system(system: str | Sequence[TextBlock] | None, record: Record) -> str:
    if system is None or isinstance(system, str):
        return system or ""
    texts = []
    for block in system:
        if block.text.startswith(BILLING_HEADER):
            record.note("billing_header_removed")
        else:
            texts.append(block.text)
    return "\n\n".join(texts)


def _reasoning(request: schema.CountTokensRequest, last_user: int, record: Record) -> Reasoning:
    thinking = request.thinking
    display = getattr(thinking, "display", None)
    if display not in (None, "summarized", "omitted"):
        record.ignore("display")
    if isinstance(thinking, schema.ThinkingEnabled):
        record.ignore("budget_tokens")
        max_tokens = getattr(request, "max_tokens", None)
        if max_tokens is not None and thinking.budget_tokens >= max_tokens:
            record.note("budget_tokens_clamped")
    return Reasoning(
        enabled=None if thinking is None else not isinstance(thinking, schema.ThinkingDisabled),
        effort=_effort(request, last_user),
        omit_text=display == "omitted",
        between_tools=isinstance(thinking, schema.ThinkingBetweenTools),
    )


def _effort(request: schema.CountTokensRequest, last_user: int) -> Effort | None:
    """A system message after the last user turn may set the effort of the next turn."""
    effort = None
    if request.output_config:
        effort = _checked_effort(request.output_config.effort)
    for index in range(last_user + 1, len(request.messages)):
        message = request.messages[index]
        if isinstance(message, schema.SystemMessage) and message.output_config:
            own = _checked_effort(message.output_config.effort, "messages", index)
            effort = own or effort
    return effort


def _checked_effort(effort: str | None, *where: str | int) -> Effort | None:
    if effort is None or effort in schema.EFFORTS:
        return cast("Effort | None", effort)
    allowed = ", ".join(map(repr, schema.EFFORTS))
    raise FieldError((*where, "output_config", "effort"), f"Input should be one of {allowed}")


def _root(headers: Headers) -> str:
    """The session of Claude Code in which a sub-agent works."""
    session = headers.get("X-Claude-Code-Session-Id")
    is_agent = bool(headers.get("X-Claude-Code-Agent-Id"))
    return label(session, "X-Claude-Code-Session-Id") if session and is_agent else ""


def _session(metadata: schema.Metadata | None, headers: Headers) -> str:
    """Each sub-agent of a Claude Code session has its own conversation."""
    if session := headers.get("X-Claude-Code-Session-Id"):
        agent = headers.get("X-Claude-Code-Agent-Id")
        named = f"{session}/{agent}" if agent else session
        return label(named, "X-Claude-Code-Session-Id")
    for name in SESSION_HEADERS:
        if session := headers.get(name):
            return label(session, name)
    return (metadata.user_id or "") if metadata else ""
