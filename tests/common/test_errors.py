"""A failure's texts fit into an answer and a line of the log."""

import re

import pytest

from app.common.errors import LONGEST_MESSAGE, LONGEST_NAME, POLICY, GatewayError, Kind, shortened


def test_what_a_failure_quotes_is_shortened() -> None:
    error = GatewayError(
        Kind.PERMISSION,
        f"model: {'m' * 5_000_000} may not be used.",
        field="f" * 999,
        code="c" * 999,
    )
    assert len(error.message) <= LONGEST_MESSAGE
    assert error.message.startswith("model: mmm")
    assert error.message.endswith("mmm may not be used.")
    assert "characters ...]" in error.message
    assert str(error) == error.message
    assert len(error.field) <= LONGEST_NAME
    assert len(error.code) <= LONGEST_NAME


def test_what_is_known_only_later_is_added() -> None:
    error = GatewayError(Kind.REJECTED, "No.", field="a")
    error.add("It is the first.")
    assert (str(error), error.message, error.field) == ("No. It is the first.",) * 2 + ("a",)
    error.add("x" * LONGEST_MESSAGE, field="b")
    assert len(error.message) <= LONGEST_MESSAGE
    assert error.field == "b"


def test_what_fits_is_kept() -> None:
    assert shortened("a" * 50, 50) == "a" * 50
    assert shortened("a" * 51, 50) == "aaaaa[... 41 characters ...]aaaaa"


PI = re.compile(
    r"overloaded|provider.?returned.?error|rate.?limit|too many requests|429|500|502|503|504"
    r"|service.?unavailable|server.?error|internal.?error|network.?error|connection.?error"
    r"|connection.?refused|connection.?lost|timed? out|timeout|terminated|retry delay",
    re.IGNORECASE,
)
"""Upon which pi tries again: it has no status inside a stream. Read in pi-coding-agent 0.74.2."""

OPENCODE = re.compile(
    r"429|500|502|503|504|524|rate limit|too many requests|overloaded|service unavailable"
    r"|internal error|server error|network[-_\s]error|connection error|connection refused"
    r"|connection lost|\b(?:request|response|connection|network|stream|read) timed out\b"
    r"|\btry again (?:later|in\b)",
    re.IGNORECASE,
)
"""The same of opencode 1.18.34."""


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("client", [PI, OPENCODE])
def test_the_message_says_whether_a_retry_can_help(client: re.Pattern[str], kind: Kind) -> None:
    """docs/clients.md has the table."""
    told = GatewayError(kind, "What happened.").told
    assert bool(client.search(told)) == (POLICY[kind].client_retry is None)


def test_words_that_are_there_are_not_said_again() -> None:
    assert GatewayError(Kind.TIMEOUT, "The request timed out.").told == "The request timed out."
    assert GatewayError(Kind.REJECTED, "No.").told == "No."
