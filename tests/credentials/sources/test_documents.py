"""What is reported about the entries of a document."""

import logging

import pytest

from tests.credentials.conftest import Build, env_tokens
from tests.credentials.service import AuthService, access_token


def test_a_short_refresh_token_is_doubted_and_used(
    build: Build, service: AuthService, caplog: pytest.LogCaptureFixture
) -> None:
    service.valid = "short"
    caplog.set_level(logging.WARNING)
    assert build(env_tokens("short")).token().access_token == access_token(1)
    assert any("copied completely" in line for line in caplog.messages)
