"""The API key of an account, in a variable of its own.

docs/upstream.md: An API key is a login
"""

import json
from pathlib import Path

import pytest

from app.common.errors import GatewayError
from app.credentials.pool import Credentials
from app.credentials.sources import chain
from app.settings import Settings, SettingsError
from tests.credentials.home import choose, the_login, write_token_file
from tests.credentials.service import refresh_token

KEY = "ksk_0123456789abcdef-_"


def test_a_key_is_used_before_token_files(home: Path) -> None:
    write_token_file(home)
    login = the_login(choose(KIRO_API_KEY=KEY))
    assert (login.kind, login.grant.access_token, login.source) == ("api_key", KEY, "KIRO_API_KEY")
    assert KEY not in repr(login)


@pytest.mark.parametrize(
    "explicit",
    [
        {"KIRO_AUTH_TOKEN": json.dumps([{"refreshToken": refresh_token(1)}])},
        {"AWS_REFRESHTOKEN": refresh_token(1)},
    ],
    ids=["KIRO_AUTH_TOKEN", "AWS_REFRESHTOKEN"],
)
def test_a_key_beside_another_variable_is_one_more_account(
    home: Path, explicit: dict[str, str]
) -> None:
    choice = choose(KIRO_API_KEY=KEY, **explicit)
    assert choice.result.problems == []
    assert [login.secret for login in choice.result.logins] == [refresh_token(1), KEY]


@pytest.mark.parametrize("text", ["no-such-file", "[]", "{}"])
def test_a_key_does_not_make_up_for_a_variable_without_a_login(home: Path, text: str) -> None:
    choice = choose(KIRO_API_KEY=KEY, KIRO_AUTH_TOKEN=text)
    assert choice.result.logins == []
    assert choice.result.problems[0].startswith("KIRO_AUTH_TOKEN")


def test_the_same_key_twice_is_one_account(home: Path) -> None:
    choice = choose(KIRO_API_KEY=KEY, KIRO_AUTH_TOKEN=json.dumps({"apiKey": KEY}))
    assert [login.secret for login in choice.result.logins] == [KEY]
    assert choice.result.problems == ["KIRO_API_KEY: same login as KIRO_AUTH_TOKEN"]


@pytest.mark.parametrize("text", ["123456", "ksk_short", "sk-ant-0123456789abcdef", KEY + "!"])
def test_what_is_no_key_stops_the_start_with_a_hint(text: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_env({"KIRO_API_KEY": text}, "/nonexistent/.env")
    (problem,) = raised.value.problems
    assert problem.startswith(f"KIRO_API_KEY: found {len(text)} hidden characters")
    assert "ksk_" in problem
    assert "KIRO_CLIENT_TOKEN" in problem
    assert text not in problem


def test_a_key_in_a_file_is_read_again_when_it_changes(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    settings = Settings.from_env({"KIRO_API_KEY_FILE": str(path)}, "/nonexistent/.env")
    sources = chain.from_settings(settings)
    assert list(sources[0].watched()) == [path]
    assert the_login(chain.choose(sources)).secret == KEY
    path.write_text(f"{KEY}2")
    assert the_login(chain.choose(sources)).secret == f"{KEY}2"
    path.write_text("123456")
    (problem,) = chain.choose(sources).result.problems
    assert problem.startswith("KIRO_API_KEY does not hold an API key of Kiro, ksk_")


def test_without_a_login_the_key_is_the_first_way_that_is_named(home: Path) -> None:
    with pytest.raises(GatewayError, match=r"Set KIRO_API_KEY, "):
        Credentials.from_settings(Settings.from_env({}, "/nonexistent/.env"))
