"""Codex, which alone gets some forms of an answer.

It drops a message with a part of the type ``refusal``, and asks again, in vain, after a response
that is incomplete for its content: it is told of a refusal by a message of text in a response that
is completed. Before 0.171 it does not compact after an HTTP error that says so, and does not wait
after a 429: those failures are told inside a stream, which every version acts on. Everyone else
gets the API's own forms.

What Codex must not get is sent to nobody: a header ``openai-model`` with another name than the
requested one warns its user of a rerouting, and ``end_turn: false`` makes it ask again without end.
There is no ``x-codex-turn-state`` either: it keeps the requests of one turn together, and the
session that Codex names in every request (``session-id``, ``thread-id``) does so for all turns.

Source: Codex 0.144, 0.153 and 0.171 in front of a scripted server.
"""

from app.common.errors import GatewayError
from app.core.headers import Headers
from app.dialects import openai

MARKS = (("originator", "codex"), ("user-agent", "codex"))
"""Headers whose values begin so, in any case: ``codex_exec``, ``codex_cli_rs``, "Codex Desktop"."""


IN_STREAM = frozenset({"context_length_exceeded", "rate_limit_exceeded", "insufficient_quota"})
"""Codes of the failures that are told inside a stream."""


def asks(headers: Headers) -> bool:
    """Whether the request with these headers is from Codex."""
    return any((headers.get(name) or "").lower().startswith(start) for name, start in MARKS)


def asks_for_stream(headers: Headers) -> bool:
    """Whether the request with these headers, whose body was not read, is from Codex and wants a
    stream.
    """
    return asks(headers) and "text/event-stream" in (headers.get("accept") or "")


def reads_in_stream(error: GatewayError) -> bool:
    """Whether Codex acts on the failure only where it is told inside a stream."""
    return openai.ERRORS[error.kind][1] in IN_STREAM
