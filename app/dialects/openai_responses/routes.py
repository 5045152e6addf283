"""The HTTP surface of the OpenAI Responses API."""

from functools import partial
from time import time
from typing import NoReturn
from uuid import uuid4

from flask import Blueprint, Response, request

from app.errors import GatewayError, Kind
from app.web.serving import Serving

from .parse import parse_responses
from .reply import ReplyContext, whole
from .stream import StreamEncoder


def blueprint(serving: Serving) -> Blueprint:
    """``POST /v1/responses``, streamed or not; a 404 for a client that tries a WebSocket."""
    routes = Blueprint("openai_responses", __name__)

    @routes.post("/v1/responses")
    def responses() -> Response:
        parsed = serving.read(parse_responses, request.headers, serving.default_model())
        context = ReplyContext(uuid4().hex, parsed.options, int(time()), time)
        return serving.respond(
            parsed.conversation,
            streamed=parsed.stream,
            encoder=partial(StreamEncoder, context),
            whole=partial(whole, context),
        )

    @routes.get("/v1/responses", websocket=True)
    def socket() -> NoReturn:
        """Clients that try a WebSocket first fall back to HTTP only after a 404."""
        raise GatewayError(Kind.NOT_FOUND, "This gateway has no WebSocket. Use POST /v1/responses.")

    return routes
