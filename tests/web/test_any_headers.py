"""Whatever the headers of a request hold, they are understood or refused, and never break it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.application import create_app
from app.settings import Settings
from app.web.context import SANE_ID

KEY = "123456"
BODY = b'{"model": "m", "messages": [{"role": "user", "content": "a"}]}'
NAMES = (
    "Host", "Origin", "Authorization", "X-Api-Key", "X-Request-Id", "Accept", "Accept-Encoding",
    "Content-Type", "Content-Encoding", "Anthropic-Version", "Anthropic-Beta", "User-Agent",
    "X-Claude-Code-Session-Id", "X-Claude-Code-Agent-Id", "X-Session-Id", "Thread-Id", "Range",
    "If-None-Match", "X-Forwarded-For", "X-Forwarded-Proto", "Cookie", "Expect",
)  # fmt: skip
ODD = (
    "",
    " ",
    "Bearer",
    "Bearer ",
    KEY,
    f"Bearer {KEY}",
    "[",
    "http://[::1",
    "//",
    "*/*;q=x",
    "\xff",
)

values = st.sampled_from(ODD) | st.text(
    st.characters(max_codepoint=255, exclude_characters="\r\n\x00"), max_size=40
)
headers = st.dictionaries(st.sampled_from(NAMES), values, max_size=6)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    cache = Path(tmp_path_factory.mktemp("cache"))
    origins = ("https://chat.example.com",)
    made = create_app(
        Settings(aws_refreshtoken="x" * 200, kiro_token_cache=cache, kiro_cors_origins=origins)
    )
    yield made
    made.on_exit()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_headers=headers)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/messages/count_tokens"),
        ("GET", "/v1/models"),
        ("GET", "/health"),
        ("OPTIONS", "/v1/messages"),
    ],
)
def test_any_headers(app: Flask, method: str, path: str, given_headers: dict[str, str]) -> None:
    body = BODY if method == "POST" else None
    answer = app.test_client().open(path, method=method, headers=given_headers, data=body)
    assert answer.status_code in (200, 400, 401, 403, 415), answer.data
    assert SANE_ID.fullmatch(answer.headers["x-request-id"])
    assert (answer.status_code == 200) or answer.get_json()["error"]["message"]
    if path == "/health":
        assert answer.status_code == 200
