"""The HTTP surface of the OpenAI Responses API."""

from collections.abc import Callable
from functools import partial
from time import time
from typing import TypeVar

from flask import Blueprint, Response, request

from app.common.errors import GatewayError, Kind
from app.common.ids import random_id
from app.common.openapi import JSON
from app.dialects import openai
from app.dialects.wire import encode
from app.web.context import current
from app.web.serving import Serving

from . import codex, conversation_routes, kept_routes
from .compact import compacted
from .kept import references
from .parse import ParsedRequest, parse_compact, parse_input_tokens, parse_responses
from .reply import ReplyContext, whole
from .shapes import InputTokens
from .stream import StreamEncoder

_T = TypeVar("_T")

UNREAD = b'{"input": "?"}'
"""What the answer repeats of a request whose body was not read."""


def blueprint(serving: Serving) -> Blueprint:
    """``POST /v1/responses``, streamed or not, and below it ``compact``, ``explain`` and
    ``input_tokens``; a 426 for a client that tries a WebSocket.
    """
    routes = Blueprint("openai_responses", __name__)

    @routes.post("/v1/responses")
    def responses() -> Response:
        try:
            parsed = read(serving, parse_responses)
        except GatewayError as error:
            if not (codex.asks_for_stream(request.headers) and codex.reads_in_stream(error)):
                raise
            return _unread(serving, error)
        return _answer(serving, parsed)

    @routes.post("/v1/responses/explain")
    def explain() -> Response:
        return serving.explain(read(serving, parse_responses).conversation)

    @routes.post("/v1/responses/compact")
    def compact() -> Response:
        parsed = read(serving, parse_compact)
        context = ReplyContext(random_id(), parsed.options, int(time()), time)
        return serving.respond(
            parsed.conversation,
            streamed=False,
            encoder=partial(StreamEncoder, context),
            whole=partial(compacted, context, parsed.asked),
        )

    @routes.post("/v1/responses/input_tokens")
    def input_tokens() -> Response:
        """The documented estimate; the upstream has no call that counts."""
        tokens = serving.count(read(serving, parse_input_tokens, calls_model=False))
        return Response(encode(InputTokens(tokens)), mimetype=JSON)

    @routes.get("/v1/responses", websocket=True)
    def socket() -> Response:
        """A 426 is after what Codex falls back to HTTP at once, and for good; after a 404 or 405 it
        tries seven times, and after a 400 the turn ends.
        """
        failure = GatewayError(
            Kind.METHOD_NOT_ALLOWED, "This gateway has no WebSocket. Use POST /v1/responses."
        )
        current().fail(failure)
        return Response(openai.body(failure, ""), 426, mimetype=JSON)

    kept_routes.install(routes, serving)
    conversation_routes.install(routes, serving)
    return routes


def _answer(serving: Serving, parsed: ParsedRequest) -> Response:
    number = random_id()
    keeping = kept_routes.keeping(serving, parsed, number)
    context = ReplyContext(number, parsed.options, int(time()), time, keeping)
    encoder = partial(StreamEncoder, context)
    try:
        return serving.respond(
            parsed.conversation,
            streamed=parsed.stream,
            encoder=encoder,
            whole=partial(whole, context),
        )
    except GatewayError as error:
        if not (parsed.stream and parsed.options.codex and codex.reads_in_stream(error)):
            raise
        return serving.failed_stream(error, encoder)


def _unread(serving: Serving, error: GatewayError) -> Response:
    """The failure of a request whose body was not read, since its key has used up its minute."""
    options = parse_responses(UNREAD, request.headers, serving.default_model()).options
    context = ReplyContext(random_id(), options, int(time()), time)
    return serving.failed_stream(error, partial(StreamEncoder, context))


def read(serving: Serving, parse: Callable[..., _T], *, calls_model: bool = True) -> _T:
    """The request's body as ``parse`` reads it, with what it refers to. Raises GatewayError."""
    most = kept_routes.most_bytes()
    arguments = request.headers, serving.default_model()
    try:
        kept = references.Kept({}, most) if serving.keeper is not None else None
        return serving.read(parse, *arguments, kept, calls_model=calls_model)
    except references.Wanted as wanted:
        raw, ids = wanted.raw, wanted.ids
    found = references.look_up(ids, partial(kept_routes.find, serving), most)
    size = len(raw) + sum(len(content) for content in found.values() if content)
    return serving.parse(size, parse, raw, *arguments, references.Kept(found, most))
