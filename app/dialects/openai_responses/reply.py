"""The answer as one response, its items, and the parts of it that a stream needs too.

Members that repeat the request say what is in effect, which is not always what was asked for.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal, TypeAlias, TypeVar

from msgspec import UNSET, Raw, Struct
from msgspec.structs import replace

from app.core.conversation import (
    CitedText,
    HostedToolUse,
    Part,
    RedactedThinking,
    Summary,
    Text,
    Thinking,
    ToolCall,
)
from app.core.events import HostedToolStart, Refusal, StopReason
from app.core.fold import Reply
from app.core.lenient_json import decode_object
from app.core.tokens import TokenCounts
from app.core.usage import Meter
from app.dialects import custom_tools
from app.dialects.openai import OpenAIFailure
from app.dialects.wire import encode

from . import search_shapes, shapes, web_search
from .items import compaction, reasoning_content
from .kept.keeping import Keeping
from .tools import ClientTool, ToolKind

FinalStatus: TypeAlias = Literal["completed", "incomplete"]
IncompleteReason: TypeAlias = Literal["max_output_tokens", "content_filter"]

OUTCOMES: dict[StopReason, tuple[FinalStatus, IncompleteReason | None]] = {
    "end_turn": ("completed", None),
    "tool_use": ("completed", None),
    "stop_sequence": ("completed", None),
    "max_tokens": ("incomplete", "max_output_tokens"),
    "context_window": ("incomplete", "max_output_tokens"),
    "pause_turn": ("completed", None),
    "refusal": ("incomplete", "content_filter"),
    "compaction": ("completed", None),
}
"""The status of a response, and why it is incomplete."""

CallKind: TypeAlias = Literal["function_call", "custom_tool_call", "tool_search_call"]
ItemKind: TypeAlias = Literal["message", "reasoning", "compaction", "web_search_call"] | CallKind

ID_PREFIXES: dict[ItemKind, str] = {
    "message": "msg",
    "reasoning": "rs",
    "compaction": "cmp",
    "function_call": "fc",
    "custom_tool_call": "ctc",
    "tool_search_call": "tsc",
    "web_search_call": "ws",
}
CALL_KINDS: dict[ToolKind, CallKind] = {
    "function": "function_call",
    "custom": "custom_tool_call",
    "tool_search": "tool_search_call",
}
"""The type of the item that calls a tool."""
DECLINED = "The model declined to answer, and did not say why."
"""For Codex, which would see an empty answer."""

R = TypeVar("R", shapes.Response, shapes.UnfinishedResponse)


class ReplyOptions(Struct, frozen=True):
    """What the answer takes from its request. ``model`` is the name that the client used, ``echo``
    the members that repeat the request,
    encoded, ``client_tools`` the client's tools by their names in the
    conversation. ``encrypted_reasoning``: reasoning items carry their content for the next turn;
    ``summary``: they show their text. ``codex``: the answer has the forms of :mod:`.codex`.
    ``sources``: a search of the web shows the addresses that it found.
    """

    model: str
    echo: dict[str, Any]
    client_tools: Mapping[str, ClientTool]
    encrypted_reasoning: bool = False
    summary: bool = False
    codex: bool = False
    sources: bool = False

    def __repr__(self) -> str:
        return f"<ReplyOptions for {self.model}>"

    def client_tool(self, name: str) -> ClientTool:
        """The client's tool of that name; one that it never named is a function."""
        return self.client_tools.get(name) or ClientTool(name)

    def outcome(self, reason: StopReason) -> tuple[FinalStatus, IncompleteReason | None]:
        """The status of a response that ended for this reason, and why it is incomplete."""
        if reason == "refusal" and self.codex:
            return "completed", None
        return OUTCOMES[reason]

    def refused(self, reason: StopReason, refusal: Refusal | None) -> shapes.Part | None:
        """What is told of a refusal: the one part of a message of its own; None if nothing is."""
        why = refusal.explanation if refusal else ""
        if self.codex:
            return text_part(why or DECLINED) if reason == "refusal" else None
        return shapes.OutputRefusal(why) if why else None


class ReplyContext(Struct, frozen=True):
    """What all parts of one answer share. ``number`` makes its ids; ``clock`` gives seconds since
    the epoch; ``keeping`` gathers what is kept of it, None if nothing is.
    """

    number: str
    options: ReplyOptions
    created: int
    clock: Callable[[], float]
    keeping: Keeping | None = None

    @property
    def id(self) -> str:
        """The id of the response."""
        return f"resp_{self.number}"

    def item_id(self, kind: ItemKind, index: int) -> str:
        """The id of the item at ``index`` of the output."""
        return f"{ID_PREFIXES[kind]}_{self.number}_{index}"


def whole(context: ReplyContext, reply: Reply, meter: Meter) -> bytes:
    """The body of a whole answer."""
    items = output_items(context, reply.parts)
    if reply.cut and isinstance(items[-1], shapes.OutputMessage):
        items[-1] = replace(items[-1], status=context.options.outcome(reply.reason)[0])
    if part := context.options.refused(reply.reason, reply.refusal):
        items.append(message_item(context.item_id("message", len(items)), [part], "completed"))
    return encode(finished(context, reply.reason, map(encode, items), meter))


def finished(
    context: ReplyContext, reason: StopReason, output: Iterable[bytes], meter: Meter
) -> shapes.Response:
    """The response at the end of its answer, which is when it is kept; ``output`` are encoded
    items.
    """
    status, why = context.options.outcome(reason)
    response = _response(
        shapes.Response,
        context,
        output,
        completed_at=int(context.clock()) if status == "completed" else None,
        status=status,
        error=None,
        incomplete_details=shapes.Incomplete(why) if why else None,
        usage=usage(meter.counts()),
    )
    if context.keeping is not None:
        context.keeping.finished(response)
    return response


def unfinished(
    context: ReplyContext, output: Iterable[bytes] = (), error: OpenAIFailure | None = None
) -> shapes.UnfinishedResponse:
    """The response while its stream is under way or, with ``error``, where it failed."""
    return _response(
        shapes.UnfinishedResponse,
        context,
        output,
        completed_at=None,
        status="failed" if error else "in_progress",
        error=error,
        incomplete_details=None,
        usage=None,
    )


def _response(kind: type[R], context: ReplyContext, output: Iterable[bytes], **members: Any) -> R:
    items: list[Any] = [Raw(item) for item in output]
    return kind(
        id=context.id,
        object="response",
        created_at=context.created,
        background=False,
        model=context.options.model,
        output=items,
        **members,
        **context.options.echo,
    )


def usage(counts: TokenCounts) -> shapes.Usage:
    """The tokens of the whole answer. OpenAI counts cached tokens among those of the input."""
    tokens = counts.input_tokens + counts.cache_read_tokens + counts.cache_write_tokens
    return shapes.Usage(
        input_tokens=tokens,
        input_tokens_details=shapes.InputDetails(
            cached_tokens=counts.cache_read_tokens, cache_write_tokens=counts.cache_write_tokens
        ),
        output_tokens=counts.output_tokens,
        output_tokens_details=shapes.OutputDetails(reasoning_tokens=counts.reasoning_tokens),
        total_tokens=tokens + counts.output_tokens,
    )


def message_item(
    item_id: str, content: list[shapes.Part], status: shapes.ItemStatus
) -> shapes.OutputMessage:
    """An item of text, or of a refusal."""
    return shapes.OutputMessage(item_id, status, "assistant", content)


def text_part(
    text: str, annotations: Sequence[search_shapes.UrlCitation] = ()
) -> shapes.OutputText:
    """The one part that a message has."""
    return shapes.OutputText(text, annotations=list(annotations), logprobs=[])


def search_item(
    context: ReplyContext, item_id: str, use: HostedToolStart | HostedToolUse
) -> search_shapes.WebSearchCall:
    """A search of the web, under way or over, which is then kept."""
    if context.keeping is not None and isinstance(use, HostedToolUse):
        context.keeping.search(item_id, use.id, web_search.pages(use))
    return web_search.item(item_id, use, sources=context.options.sources)


def reasoning_item(
    context: ReplyContext, item_id: str, part: reasoning_content.Reasoning | None
) -> shapes.ReasoningItem:
    """``part`` is None while its stream is under way."""
    options = context.options
    if part and context.keeping is not None and not options.encrypted_reasoning:
        context.keeping.reasoning(item_id, part)
    text = part.text if isinstance(part, Thinking) and options.summary else ""
    carried = reasoning_content.encode(part) if part and options.encrypted_reasoning else None
    return shapes.ReasoningItem(item_id, [shapes.SummaryText(text)] if text else [], carried)


def compaction_item(item_id: str, summary: str) -> shapes.Compaction:
    """``summary`` is empty while its stream is under way."""
    return shapes.Compaction(item_id, compaction.content(summary) if summary else "")


def call_item(
    item_id: str, call_id: str, tool: ClientTool, given: str, status: shapes.ItemStatus
) -> shapes.Call:
    """``given`` is the JSON of the arguments, or a custom tool's text; "" before it is known."""
    namespace = tool.namespace or UNSET
    if tool.kind == "tool_search":
        return shapes.ToolSearchCall(
            id=item_id,
            status=status,
            call_id=call_id,
            execution="client",
            arguments=decode_object(given) if given else {},
        )
    if tool.kind == "custom":
        return shapes.CustomToolCall(
            id=item_id,
            status=status,
            call_id=call_id,
            name=tool.name,
            namespace=namespace,
            input=given,
        )
    return shapes.FunctionCall(
        id=item_id,
        status=status,
        call_id=call_id,
        name=tool.name,
        namespace=namespace,
        arguments=given,
        encrypted_function_args=[] if tool.encrypts else UNSET,
    )


def output_items(context: ReplyContext, parts: Iterable[Part]) -> list[shapes.Item]:
    """The items of a whole answer. Text goes on in its message where a citation begins or ends. A
    summary that could not be had is none.
    """
    items: list[shapes.Item] = []
    for is_text, run in groupby(parts, lambda part: isinstance(part, Text | CitedText)):
        if is_text:
            item_id = context.item_id("message", len(items))
            items.append(message_item(item_id, [text_part(*web_search.joined(run))], "completed"))
        else:
            told = (
                part for part in run if not (isinstance(part, Summary) and part.content is None)
            )
            items += [_item(context, index, part) for index, part in enumerate(told, len(items))]
    return items


def _item(context: ReplyContext, index: int, part: Part) -> shapes.Item:
    match part:
        case HostedToolUse():
            return search_item(context, context.item_id("web_search_call", index), part)
        case Thinking() | RedactedThinking():
            item_id = context.item_id("reasoning", index)
            return reasoning_item(context, item_id, part)
        case Summary():
            return compaction_item(context.item_id("compaction", index), part.content or "")
        case ToolCall():
            tool = context.options.client_tool(part.name)
            custom = tool.kind == "custom"
            given = custom_tools.as_text(part.input) if custom else _json(part.input)
            item_id = context.item_id(CALL_KINDS[tool.kind], index)
            return call_item(item_id, part.id, tool, given, "completed")
    raise TypeError(f"{type(part).__name__} cannot be part of an answer")


def _json(given: dict[str, Any]) -> str:
    return encode(given).decode()
