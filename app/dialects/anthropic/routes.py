"""The HTTP surface of the Anthropic Messages API."""

from uuid import uuid4

from flask import Blueprint, Response, request

from app.core.tokens import estimate_conversation
from app.web.intake import body
from app.web.serving import Serving

from .parse import parse_count_tokens, parse_messages
from .reply import message
from .stream import StreamEncoder


def blueprint(serving: Serving) -> Blueprint:
    """``POST /v1/messages``, streamed or not, and ``POST /v1/messages/count_tokens``."""
    routes = Blueprint("anthropic", __name__)

    @routes.post("/v1/messages")
    def messages() -> Response:
        parsed = parse_messages(body(), request.headers)
        message_id = f"msg_{uuid4().hex}"
        omit_thinking = parsed.conversation.reasoning.omit_text
        return serving.respond(
            parsed.conversation,
            streamed=parsed.stream,
            encoder=lambda meter: StreamEncoder(
                message_id, parsed.model, meter, omit_thinking=omit_thinking
            ),
            whole=lambda reply, meter: message(
                reply,
                message_id=message_id,
                model=parsed.model,
                meter=meter,
                omit_thinking=omit_thinking,
            ),
        )

    @routes.post("/v1/messages/count_tokens")
    def count_tokens() -> dict[str, int]:
        """The documented estimate; the upstream has no call that counts."""
        conversation = parse_count_tokens(body(), request.headers)
        return {"input_tokens": estimate_conversation(conversation)}

    return routes
