"""A failure inside a stream; over HTTP both OpenAI dialects tell it alike
(:mod:`app.dialects.openai`).
"""

from app.dialects import openai
from app.errors import GatewayError


def event(error: GatewayError, request_id: str) -> bytes:
    """The event by which the SDKs know that the answer broke off. Nothing may follow it, and
    ``[DONE]`` least of all: a client that reads on would take the answer for whole.
    """
    return b"data: %b\n\n" % openai.body(error, request_id)
