"""A failure inside a stream; over HTTP both OpenAI dialects write it alike
(:mod:`app.dialects.openai`).
"""

from msgspec.structs import replace

from app.dialects import openai
from app.errors import GatewayError

CODES = frozenset(
    {"server_error", "rate_limit_exceeded", "context_length_exceeded", "insufficient_quota"}
)
"""Codes of a failed response that clients tell apart."""
OTHER = "invalid_prompt"
"""For all other failures, which a retry does not help: the one code by which clients (Codex for
one) know that.
"""


def failure(error: GatewayError) -> openai.OpenAIFailure:
    """The ``error`` of a failed response. How long to wait is in the message: there are no headers
    any more.
    """
    told = openai.failure(error)
    code = told.code if told.code in CODES else OTHER
    message = told.message
    if error.retry_after is not None and code == "rate_limit_exceeded":
        message = f"{message} Please try again in {error.retry_after:g}s."
    return replace(told, code=code, message=message)
