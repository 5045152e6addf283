"""The HTTP surface of the OpenAI Chat Completions API."""

from functools import partial
from time import time
from typing import NoReturn

from flask import Blueprint, Response, request

from app.common.errors import GatewayError, Kind
from app.common.ids import random_id
from app.web.serving import Serving

from .parse import parse_chat
from .reply import ReplyContext, whole
from .stream import CitingEncoder, StreamEncoder

ABSENT = {
    "/v1/completions": "Use POST /v1/chat/completions, with the prompt as a user message.",
    "/v1/embeddings": "The upstream has no embedding models.",
}
"""Paths of the OpenAI API that this gateway does not have, and what to do instead."""


def blueprint(serving: Serving) -> Blueprint:
    """``POST /v1/chat/completions``, streamed or not, and its explanation; a 404 with advice for
    :data:`ABSENT`.
    """
    routes = Blueprint("openai_chat", __name__)

    @routes.post("/v1/chat/completions")
    def chat() -> Response:
        parsed = serving.read(parse_chat, request.headers)
        context = ReplyContext(
            f"chatcmpl-{random_id()}",
            int(time()),
            parsed.model,
            include_usage=parsed.include_usage,
            legacy=parsed.legacy,
            forms=parsed.forms,
        )
        encoder = CitingEncoder if parsed.conversation.hosted else StreamEncoder
        return serving.respond(
            parsed.conversation,
            streamed=parsed.stream,
            encoder=partial(encoder, context),
            whole=partial(whole, context),
        )

    @routes.post("/v1/chat/completions/explain")
    def explain() -> Response:
        return serving.explain(serving.read(parse_chat, request.headers).conversation)

    @routes.post("/v1/completions")
    @routes.post("/v1/embeddings")
    def absent() -> NoReturn:
        path = request.path
        raise GatewayError(Kind.NOT_FOUND, f"This gateway has no {path}. {ABSENT[path]}")

    return routes
