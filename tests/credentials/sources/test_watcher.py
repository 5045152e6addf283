"""Changes of the sources are detected, and each choice is logged once."""

import json
from pathlib import Path

import pytest

from app.common.errors import GatewayError
from app.credentials.sources import chain
from app.settings import Settings
from tests.credentials.conftest import Build, Clock, env_json, token_file
from tests.credentials.home import write_token_file
from tests.credentials.service import AuthService, refresh_token


def test_a_login_written_meanwhile_by_another_program_is_taken_up(
    build: Build, service: AuthService, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "token.json"
    source = token_file(path, {"refreshToken": refresh_token(0)})
    credentials = build(source)
    credentials.token()
    login = {
        "accessToken": "at-ide",
        "refreshToken": refresh_token(9),
        "expiresAt": clock.now + 3600,
    }
    path.write_text(json.dumps(login))
    clock.now += 1.1
    assert credentials.token().access_token == "at-ide"


def test_the_choice_is_logged_once(
    home: Path, build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    credentials = build(env_json({"apiKey": "ksk_1"}))
    for _ in range(3):
        credentials.token()
    assert [line for line in caplog.messages if "using" in line] == [
        "credential: using KIRO_AUTH_TOKEN: 1 login(s)"
    ]


def test_a_docker_secret_is_read_again_when_it_changes(
    home: Path, build: Build, clock: Clock
) -> None:
    secret = home / "secret"
    secret.write_text("[" + json.dumps({"apiKey": "ksk_1"}) + "]\n")
    settings = Settings.from_env({"KIRO_AUTH_TOKEN_FILE": str(secret)}, "/nonexistent/.env")
    credentials = build(*chain.from_settings(settings))
    assert credentials.token().access_token == "ksk_1"
    secret.write_text(json.dumps({"apiKey": "ksk_changed"}))
    clock.now += 1.1
    assert credentials.token().access_token == "ksk_changed"


def test_a_damaged_file_leaves_what_was_read_before_in_use(
    home: Path, build: Build, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_token_file(home, accessToken="at-1", expiresAt=clock.now + 9999)
    credentials = build(*chain.from_settings(Settings.from_env({}, "/nonexistent/.env")))
    for damage in ('{"refreshTok', ""):
        path.write_text(damage)
        clock.now += 1.1
        assert credentials.token().access_token == "at-1"
    assert "is not complete JSON" in caplog.text
    assert "is empty" in caplog.text


def test_a_login_that_is_removed_is_no_longer_used(home: Path, build: Build, clock: Clock) -> None:
    path = write_token_file(home, accessToken="at-1", expiresAt=clock.now + 9999)
    credentials = build(*chain.from_settings(Settings.from_env({}, "/nonexistent/.env")))
    path.unlink()
    clock.now += 1.1
    with pytest.raises(GatewayError, match="no usable credential"):
        credentials.token()
    write_token_file(home, accessToken="at-2", expiresAt=clock.now + 9999)
    clock.now += 1.1
    assert credentials.token().access_token == "at-2"
