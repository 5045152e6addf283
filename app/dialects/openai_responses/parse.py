"""Reads a Responses body into a conversation, or refuses it with a 400 that names the field.

Members that this gateway does not know are ignored and named in :attr:`Conversation.ignored`, at
any depth; so are members that have no effect here. What the request refers to (an earlier response,
a conversation, items of them) is put into its input first (:mod:`.kept.references`). Rules of a
conversation that types cannot express (alternation, an output for each call) are not checked here:
the conversation is repaired when it is rendered for the upstream.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Raw, Struct
from msgspec.structs import replace

from app.common.errors import GatewayError, Kind
from app.core.conversation import Compaction, Conversation, Reasoning
from app.core.headers import Headers
from app.core.known_parts import convert_body, decoder
from app.core.typed_json import TOO_DEEP, FieldError, Record, convert, decode, ignore_unknown
from app.dialects import openai
from app.dialects.wire import encode

from . import codex, required, schema, tools, web_search
from .items import compaction
from .items import read as items
from .items.types import WithTools
from .kept import references
from .reply import ReplyOptions

_decode = decoder(schema.ResponsesRequest, "tools", also=("client_metadata",))
"""Codex sends that one member more."""


class ParsedRequest(Struct, frozen=True):
    """``options`` is what the answer takes from the request. If it is to be kept, ``asked`` are the
    items of the whole input and ``own`` those that this request adds to ``conversation_id``, "" if
    it has none.
    """

    conversation: Conversation
    stream: bool
    options: ReplyOptions
    store: bool = False
    asked: list[Any] = []
    own: list[Any] = []
    conversation_id: str = ""


def parse_responses(
    raw: bytes, headers: Headers, default_model: str, kept: references.Kept | None = None
) -> ParsedRequest:
    """Read the body of ``POST /v1/responses``. ``headers`` ignores the case of names;
    ``default_model`` is for a request without a model; ``kept`` is None where nothing is kept.

    Raises :class:`GatewayError`, ``INVALID_REQUEST`` with ``field`` as OpenAI writes it, and
    :class:`~.kept.references.Wanted` if the body refers to what was not looked up yet.
    """
    return _read(raw, headers, default_model, kept, to_answer=True)


def parse_input_tokens(
    raw: bytes, headers: Headers, default_model: str, kept: references.Kept | None = None
) -> Conversation:
    """Read the body of ``POST /v1/responses/input_tokens``: the same, but it need have no input."""
    return _read(raw, headers, default_model, kept, to_answer=False).conversation


def parse_compact(
    raw: bytes, headers: Headers, default_model: str, kept: references.Kept | None = None
) -> ParsedRequest:
    """Read the body of ``POST /v1/responses/compact``. Its answer is always whole, and not kept;
    ``asked`` are the items of its input.
    """
    parsed = _read(raw, headers, default_model, kept, to_answer=True, gives_items=True)
    ignored = (*parsed.conversation.ignored, *(("stream",) if parsed.stream else ()))
    conversation = replace(parsed.conversation, compaction=compaction.ON_REQUEST, ignored=ignored)
    return replace(parsed, conversation=conversation, store=False, conversation_id="")


def _read(
    raw: bytes,
    headers: Headers,
    default_model: str,
    kept: references.Kept | None,
    *,
    to_answer: bool,
    gives_items: bool = False,
) -> ParsedRequest:
    record = Record()
    joined: references.Input | None = None
    try:
        body = decode(raw, record, _decode)
        _refuse_unsupported(body)
        if joined := references.brought(body, kept, raw, record):
            body["input"] = joined.items
        elif to_answer:
            required.check(body)
        request = convert_body(body, schema.ResponsesRequest, raw)
        ignore_unknown(request, body, record)
        parsed = _parsed(request, body, headers, record, default_model, keeps=kept is not None)
    except RecursionError:
        raise GatewayError(Kind.INVALID_REQUEST, TOO_DEEP) from None
    except FieldError as error:
        raise openai.refusal(joined.located(error) if joined else error) from None
    if to_answer and not (parsed.conversation.messages or parsed.conversation.system):
        raise required.nothing_to_answer()
    if gives_items:
        return replace(parsed, asked=references.as_items(request.input))
    return _to_keep(parsed, request, body, joined)


def _to_keep(
    parsed: ParsedRequest,
    request: schema.ResponsesRequest,
    body: Mapping[str, Any],
    joined: references.Input | None,
) -> ParsedRequest:
    conversation = references.conversation_id(body)
    if not parsed.store and not conversation:
        return parsed
    asked = references.as_items(request.input)
    return replace(
        parsed,
        asked=asked,
        own=joined.own() if joined else asked,
        conversation_id=conversation,
    )


def _refuse_unsupported(body: Mapping[str, Any]) -> None:
    for name, problem in NOT_KEPT.items():
        if body.get(name) not in (None, False):
            raise openai.refusal(FieldError((name,), problem), "unsupported_parameter")


NOT_KEPT = {
    "prompt": "this gateway keeps no prompts; send the prompt itself in instructions",
    "background": "this gateway answers only while the client waits; leave it out",
}


def _parsed(
    request: schema.ResponsesRequest,
    body: Mapping[str, Any],
    headers: Headers,
    record: Record,
    default_model: str,
    *,
    keeps: bool,
) -> ParsedRequest:
    model = request.model or default_model
    json_schema = _json_schema(request)
    offer = _offered(request, body.get("tools") or (), record, cites=json_schema is None)
    chosen = tools.choice(request.tool_choice, offer, record)
    system, messages = items.read(request.input or (), record)
    wanted = _compaction(request, record)
    if record.summarized:
        messages, asks = compaction.settled(messages)
        wanted = compaction.ON_REQUEST if asks else wanted
    reasoning = _reasoning(request.reasoning, record)
    store = keeps and request.store is not False
    _note_ignored(request, record, store=store)
    conversation = Conversation(
        model=model,
        messages=messages,
        system="\n\n".join(filter(None, (request.instructions, system))),
        tools=chosen.tools,
        hosted=tuple(
            tool for tool in offer.hosted if any(t.name == tool.name for t in chosen.tools)
        ),
        tool_choice=chosen.choice,
        reasoning=reasoning,
        json_schema=json_schema,
        json_schema_field="text.format.schema",
        streamed=bool(request.stream),
        max_tokens=request.max_output_tokens,
        parallel_calls=request.parallel_tool_calls is not False,
        session=openai.session(headers, request.prompt_cache_key),
        root=openai.root(headers),
        ignored=tuple(record.ignored),
        notes=tuple(record.notes),
        size=record.size,
        compaction=wanted,
    )
    options = ReplyOptions(
        model,
        _echo(request, body, chosen, offer, store=store),
        offer.client_tools,
        encrypted_reasoning=schema.ENCRYPTED_REASONING in (request.include or ()),
        summary=not reasoning.omit_text,
        codex=codex.asks(headers),
        sources=web_search.SOURCES in (request.include or ()),
    )
    return ParsedRequest(conversation, bool(request.stream), options, store)


def _offered(
    request: schema.ResponsesRequest,
    declared: Sequence[dict[str, Any]],
    record: Record,
    *,
    cites: bool,
) -> tools.Offer:
    reader = tools.ToolReader(record)
    reader.declare(declared, "tools")
    given = request.input if isinstance(request.input, list) else ()
    for index, raw in enumerate(given):
        if raw.get("type") in items.WITH_TOOLS:
            try:
                added = convert(raw, WithTools)
            except FieldError as error:
                raise error.under("input", index) from None
            found = raw["type"] == "tool_search_output"
            reader.declare(added.tools, "input", index, "tools", found=found)
    pages = tuple(web_search.cited(given))
    return reader.offer(cites=cites, max_uses=request.max_tool_calls, earlier=pages)


def _reasoning(wanted: schema.ReasoningConfig | None, record: Record) -> Reasoning:
    """An effort, and also a request for a summary, is a request for reasoning."""
    wanted = wanted or schema.ReasoningConfig()
    try:
        effort = openai.effort(wanted.effort, record)
    except FieldError as error:
        raise error.under("reasoning", "effort") from None
    summary = (wanted.summary or wanted.generate_summary) is not None
    enabled = True if (summary or effort) and effort != "none" else None
    return Reasoning(enabled, effort, omit_text=not summary)


def _compaction(request: schema.ResponsesRequest, record: Record) -> Compaction | None:
    """The compaction that is to be made at a threshold."""
    found = None
    for entry in request.context_management or ():
        if entry.type == "compaction":
            if found is not None:
                record.ignore(entry.type)
            threshold = entry.compact_threshold or compaction.THRESHOLD
            found = Compaction(threshold, keeps_asked=True)
        else:
            record.ignore(entry.type)
    return found


def _note_ignored(request: schema.ResponsesRequest, record: Record, *, store: bool) -> None:
    if request.store and not store:
        record.ignore("store")
    for name, default in schema.NOT_HONOURED.items():
        if getattr(request, name) not in (None, default):
            record.ignore(name)
    for value in request.include or ():
        if value not in (schema.ENCRYPTED_REASONING, web_search.SOURCES):
            record.ignore(value)


def _json_schema(request: schema.ResponsesRequest) -> dict[str, Any] | None:
    wanted = request.text.format if request.text else None
    if isinstance(wanted, schema.JsonObjectFormat):
        return {}
    if not isinstance(wanted, schema.JsonSchemaFormat):
        return None
    return openai.described(wanted.schema, wanted.description)


def _echo(
    request: schema.ResponsesRequest,
    body: Mapping[str, Any],
    chosen: tools.Chosen,
    offer: tools.Offer,
    *,
    store: bool,
) -> dict[str, Any]:
    """The members of the answer that repeat the request, as far as it is honoured, encoded."""
    text_format = body["text"]["format"] if request.text and request.text.format else None
    reasoning = request.reasoning or schema.ReasoningConfig()
    conversation = references.conversation_id(body)
    echo = {
        "store": store,
        "previous_response_id": request.previous_response_id,
        "conversation": {"id": conversation} if conversation else None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": request.max_tool_calls,
        "metadata": request.metadata or {},
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "prompt_cache_key": request.prompt_cache_key,
        "reasoning": {"effort": reasoning.effort, "summary": reasoning.summary},
        "text": {"format": text_format or {"type": "text"}},
        "tool_choice": chosen.echo,
        "tools": offer.echo,
    }
    return _SAME_FOR_ALL | {name: Raw(encode(value)) for name, value in echo.items()}


_NOT_SUPPORTED = (
    "prompt",
    "top_logprobs",
    "safety_identifier",
    "service_tier",
    "user",
)
"""Members of a response that are always null here."""

_SAME_FOR_ALL = {
    name: Raw(encode(value))
    for name, value in (dict.fromkeys(_NOT_SUPPORTED) | schema.NOT_HONOURED).items()
}
