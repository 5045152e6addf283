"""A failure inside a stream, in words that clients act on."""

import pytest
from msgspec.structs import asdict

from app.common.errors import POLICY, GatewayError, Kind
from app.dialects.openai_responses.errors import failure


def told(kind, **details):
    return failure(GatewayError(kind, "What happened.", **details))


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Kind.TRUNCATED, "server_error"),
        (Kind.CORRUPT, "server_error"),
        (Kind.TIMEOUT, "server_error"),
        (Kind.INTERNAL, "server_error"),
        (Kind.SHUTTING_DOWN, "server_error"),
        (Kind.THROTTLED, "rate_limit_exceeded"),
        (Kind.OVERLOADED, "rate_limit_exceeded"),
        (Kind.QUOTA, "insufficient_quota"),
        (Kind.CONTEXT_TOO_LONG, "context_length_exceeded"),
        (Kind.REJECTED, "invalid_prompt"),
        (Kind.INVALID_MODEL, "invalid_prompt"),
        (Kind.SUSPENDED, "invalid_prompt"),
    ],
)
def test_codes(kind, code):
    assert told(kind).code == code


@pytest.mark.parametrize("kind", [kind for kind in Kind if POLICY[kind].client_retry is None])
def test_a_code_that_ends_all_is_told_of_nothing_that_may_pass(kind):
    assert told(kind).code in ("server_error", "rate_limit_exceeded")


@pytest.mark.parametrize("kind", [kind for kind in Kind if POLICY[kind].client_retry is False])
def test_a_code_that_asks_for_another_try_is_told_of_nothing_that_stays(kind):
    assert told(kind).code not in ("server_error", "rate_limit_exceeded")


def test_what_a_failure_tells():
    assert asdict(told(Kind.REJECTED, field="tools")) == {
        "message": "What happened.",
        "type": "invalid_request_error",
        "param": "tools",
        "code": "invalid_prompt",
    }


def test_how_long_to_wait_is_in_the_message():
    assert told(Kind.THROTTLED, retry_after=2.5).message == (
        "Rate limit: What happened. Please try again in 2.5s."
    )
    assert told(Kind.TRUNCATED, retry_after=2).message == "Connection lost: What happened."
