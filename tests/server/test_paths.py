import pytest

from app.server.paths import canonical


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("/v1/messages", "/v1/messages"),
        ("/messages", "/v1/messages"),
        ("/v1/v1/messages", "/v1/messages"),
        ("/v1/v1/v1/messages/count_tokens", "/v1/messages/count_tokens"),
        ("//v1//messages", "/v1/messages"),
        ("/v1/messages/", "/v1/messages"),
        ("/chat/completions", "/v1/chat/completions"),
        ("/models", "/v1/models"),
        ("/models/anthropic/claude", "/v1/models/anthropic/claude"),
        ("/health", "/health"),
        ("/", "/"),
        ("//", "/"),
        ("/v1", "/v1"),
        ("/v1beta/messages", "/v1beta/messages"),
        ("/messagesx", "/messagesx"),
    ],
)
def test_paths_people_type(given: str, expected: str) -> None:
    assert canonical(given) == expected
