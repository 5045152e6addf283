"""A failure inside a stream; over HTTP both OpenAI dialects tell it alike
(:mod:`app.dialects.openai`).
"""

from app.dialects import openai
from app.errors import GatewayError

CODES = frozenset(
    {"server_error", "rate_limit_exceeded", "context_length_exceeded", "insufficient_quota"}
)
"""Codes of a failed response that clients tell apart."""
OTHER = "invalid_prompt"
"""For every other failure, which all are such that trying again does not help: the one code by
which clients (Codex for one) know that.
"""


def failure(error: GatewayError) -> dict[str, str | None]:
    """The ``error`` of a failed response. A client that is to wait reads from the message how long,
    as there are no headers any more.
    """
    told = openai.details(error)
    if told["code"] not in CODES:
        told["code"] = OTHER
    if error.retry_after is not None and told["code"] == "rate_limit_exceeded":
        told["message"] = f"{told['message']} Please try again in {error.retry_after:g}s."
    return told
