"""The HTTP surface of the Anthropic Messages API."""

from functools import partial

from flask import Blueprint, Response, request

from app.common.ids import random_id
from app.common.openapi import JSON
from app.dialects.wire import encode
from app.web.serving import Serving

from .context_shapes import OriginalCount
from .parse import parse_count_tokens, parse_messages
from .reply import ReplyContext, whole
from .shapes import TokenCount
from .stream import StreamEncoder


def blueprint(serving: Serving) -> Blueprint:
    """``POST /v1/messages``, streamed or not, and below it ``explain`` and ``count_tokens``."""
    routes = Blueprint("anthropic", __name__)

    @routes.post("/v1/messages")
    def messages() -> Response:
        parsed = serving.read(parse_messages, request.headers)
        omit_thinking = parsed.conversation.reasoning.omit_text
        context = ReplyContext(
            f"msg_{random_id()}",
            parsed.model,
            omit_thinking,
            parsed.safeguards,
            parsed.edits,
            parsed.tool_changes,
        )
        return serving.respond(
            parsed.conversation,
            streamed=parsed.stream,
            encoder=partial(StreamEncoder, context),
            whole=partial(whole, context),
        )

    @routes.post("/v1/messages/explain")
    def explain() -> Response:
        return serving.explain(serving.read(parse_messages, request.headers).conversation)

    @routes.post("/v1/messages/count_tokens")
    def count_tokens() -> Response:
        """The documented estimate; the upstream has no call that counts."""
        parsed = serving.read(parse_count_tokens, request.headers, calls_model=False)
        tokens = serving.count(parsed.conversation)
        if parsed.original is None:
            return Response(encode(TokenCount(tokens)), mimetype=JSON)
        original = OriginalCount(serving.count(parsed.original))
        return Response(encode(TokenCount(tokens, original)), mimetype=JSON)

    return routes
