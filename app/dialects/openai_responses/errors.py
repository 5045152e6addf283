"""A failure inside a stream; over HTTP both OpenAI dialects write it alike
(:mod:`app.dialects.openai`).
"""

from msgspec.structs import replace

from app.common.errors import POLICY, GatewayError
from app.dialects import openai

CODES = frozenset(
    {"server_error", "rate_limit_exceeded", "context_length_exceeded", "insufficient_quota"}
)
"""Codes of a failed response that clients distinguish."""
RETRIED = "server_error"
"""The code after which clients ask again."""
OTHER = "invalid_prompt"
"""The code of all other failures, which a retry does not help: the one from which clients (Codex,
for example) know that.
"""


def failure(error: GatewayError) -> openai.OpenAIFailure:
    """The ``error`` of a failed response. How long to wait is in the message: there are no headers
    any more.
    """
    over_http = openai.failure(error, "input")
    code = over_http.code if over_http.code in CODES else OTHER
    if code == RETRIED and POLICY[error.kind].client_retry is False:
        code = OTHER
    message = over_http.message
    if error.retry_after is not None and code == "rate_limit_exceeded":
        message = f"{message} Please try again in {error.retry_after:g}s."
    return replace(over_http, code=code, message=message)
