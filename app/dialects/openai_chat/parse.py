"""Reads a Chat Completions body into a conversation, or refuses it with a 400 that names the field.

Members that this gateway does not know are ignored and named in :attr:`Conversation.ignored`, at
any depth; so are members that have no effect here. A request for what the answer cannot contain
(several choices, log probabilities), or with parts that the model cannot read, is refused. Rules of
a conversation that types cannot express (alternation, a result for each tool call) are not checked
here: the conversation is repaired when it is rendered for the upstream.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from app.common.errors import GatewayError, Kind
from app.core.conversation import Conversation, Reasoning
from app.core.headers import Headers
from app.core.known_parts import convert_body, decoder
from app.core.limits.stop_sequences import check_size
from app.core.typed_json import TOO_DEEP, FieldError, Record, decode, ignore_unknown
from app.dialects import openai

from . import schema, tools
from .messages import MessageReader
from .tool_forms import CallForm

_decode = decoder(schema.ChatRequest, "tools")


class ParsedRequest(Struct, frozen=True):
    """``model`` is the name that the client used, for the answer. ``legacy``: the client offered
    ``functions`` and reads calls from ``function_call``. ``forms`` says how it reads calls of its
    tools, by their names.
    """

    conversation: Conversation
    stream: bool
    model: str
    include_usage: bool
    legacy: bool
    forms: Mapping[str, CallForm]


def parse_chat(raw: bytes, headers: Headers) -> ParsedRequest:
    """Read the body of ``POST /v1/chat/completions``. ``headers`` ignores the case of names.

    Raises :class:`GatewayError`, ``INVALID_REQUEST`` with ``field`` as OpenAI writes it.
    """
    record = Record()
    try:
        body = decode(raw, record, _decode)
        _refuse_responses(body)
        request = convert_body(body, schema.ChatRequest, raw)
        ignore_unknown(request, body, record)
        offer = tools.offered(request, body.get("tools") or (), record)
        conversation = _conversation(request, headers, offer, record)
    except RecursionError:
        raise GatewayError(Kind.INVALID_REQUEST, TOO_DEEP) from None
    except FieldError as error:
        raise openai.refusal(error) from None
    options = request.stream_options or schema.StreamOptions()
    return ParsedRequest(
        conversation,
        stream=bool(request.stream),
        model=request.model,
        include_usage=bool(options.include_usage),
        legacy=_is_legacy(request),
        forms=offer.forms,
    )


def _conversation(
    request: schema.ChatRequest, headers: Headers, offer: tools.Offer, record: Record
) -> Conversation:
    _refuse(request)
    system, messages = MessageReader(record, offer.forms).read(request.messages)
    for name in schema.NOT_HONOURED:
        if getattr(request, name) not in (None, {}):
            record.ignore(name)
    if request.service_tier not in (None, "auto", "default"):
        record.ignore("service_tier")
    return Conversation(
        model=request.model,
        messages=messages,
        system=system,
        tools=offer.tools,
        hosted=offer.hosted,
        tool_choice=tools.choice(request, offer.tools, record),
        reasoning=_reasoning(request.reasoning_effort, record),
        json_schema=_json_schema(request.response_format),
        json_schema_field="response_format.json_schema.schema",
        streamed=bool(request.stream),
        max_tokens=_limit(request, record),
        stop_sequences=_stop_sequences(request.stop),
        parallel_calls=request.parallel_tool_calls is not False and not _is_legacy(request),
        session=openai.session(headers, request.prompt_cache_key),
        root=openai.root(headers),
        ignored=tuple(record.ignored),
        notes=tuple(record.notes),
        size=record.size,
    )


def _is_legacy(request: schema.ChatRequest) -> bool:
    """Whether calls are told in ``function_call``, of which an answer has one."""
    return bool(request.functions) and not request.tools


def _refuse_responses(body: dict[str, Any]) -> None:
    """Cursor posts bodies of Responses here, some with an empty ``messages`` beside ``input``."""
    if "input" in body and not body.get("messages"):
        raise FieldError(("input",), "this is a Responses body; POST it to /v1/responses")


def _refuse(request: schema.ChatRequest) -> None:
    if request.n is not None and request.n > 1:
        raise FieldError(
            ("n",), "this gateway gives one choice; send the request n times for as many"
        )
    if request.best_of is not None and request.best_of > 1:
        raise FieldError(("best_of",), "this gateway makes one answer; leave it out")
    if request.logprobs or request.top_logprobs:
        field = "logprobs" if request.logprobs else "top_logprobs"
        raise FieldError((field,), "this gateway's models have no log probabilities; leave it out")


def _stop_sequences(given: str | Sequence[str] | None) -> tuple[str, ...]:
    sequences = (given,) if isinstance(given, str) else tuple(given or ())
    check_size(sequences, "stop")
    return sequences


def _reasoning(wanted: str | None, record: Record) -> Reasoning:
    """An effort is a request for reasoning."""
    try:
        effort = openai.effort(wanted, record)
    except FieldError as error:
        raise error.under("reasoning_effort") from None
    return Reasoning(True if effort and effort != "none" else None, effort)


def _limit(request: schema.ChatRequest, record: Record) -> int | None:
    """The most tokens of the answer; ``max_tokens`` is the old name."""
    if request.max_completion_tokens is None:
        return request.max_tokens
    if request.max_tokens is not None:
        record.ignore("max_tokens")
    return request.max_completion_tokens


def _json_schema(wanted: Any) -> dict[str, Any] | None:
    if isinstance(wanted, schema.JsonObjectFormat):
        return {}
    if not isinstance(wanted, schema.JsonSchemaFormat):
        return None
    return openai.described(wanted.json_schema.schema or {}, wanted.json_schema.description)
