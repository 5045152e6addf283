"""The HTTP surface of the OpenAI Responses API."""

from functools import partial
from time import time
from uuid import uuid4

from flask import Blueprint, Response, request

from app.core.headers import Headers
from app.core.tokens import estimate_conversation
from app.dialects import openai
from app.dialects.wire import encode
from app.errors import GatewayError, Kind
from app.openapi import JSON
from app.web.context import current
from app.web.serving import Serving

from . import codex
from .parse import parse_input_tokens, parse_responses
from .reply import ReplyContext, whole
from .shapes import InputTokens
from .stream import StreamEncoder


def blueprint(serving: Serving) -> Blueprint:
    """``POST /v1/responses``, streamed or not, and ``POST /v1/responses/input_tokens``; a 426 for a
    client that tries a WebSocket.
    """
    routes = Blueprint("openai_responses", __name__)

    @routes.post("/v1/responses")
    def responses() -> Response:
        parsed = serving.read(parse_responses, request.headers, serving.default_model())
        context = ReplyContext(uuid4().hex, parsed.options, int(time()), time)
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

    @routes.post("/v1/responses/input_tokens")
    def input_tokens() -> Response:
        """The documented estimate; the upstream has no call that counts."""
        default = serving.default_model()
        tokens = serving.read(_estimate, request.headers, default, calls_model=False)
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

    return routes


def _estimate(raw: bytes, headers: Headers, default_model: str) -> int:
    return estimate_conversation(parse_input_tokens(raw, headers, default_model))
