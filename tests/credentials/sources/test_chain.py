"""Which source is chosen, and what is reported about a bad one."""

import json
from pathlib import Path

import pytest

from app.common.errors import GatewayError, Kind
from app.credentials.pool import Credentials
from app.credentials.sources import chain
from app.settings import Settings
from tests.credentials.conftest import Build, token_file
from tests.credentials.home import (
    LONG,
    PROFILE,
    choose,
    the_login,
    write_database,
    write_token_file,
)
from tests.credentials.service import refresh_token

EVERY_PLACE = {
    "KIRO_AUTH_TOKEN": json.dumps({"refreshToken": refresh_token(10)}),
    "AWS_REFRESHTOKEN": refresh_token(11),
    "REFRESH_TOKEN": refresh_token(12),
    "BULK_REFRESH_TOKENS": f"{refresh_token(13)}, {refresh_token(14)}",
    "IDC_REFRESH_TOKEN": refresh_token(15),
}

IDC = {"IDC_CLIENT_ID": "id", "IDC_CLIENT_SECRET": "secret"}


def test_the_first_place_wins(home: Path) -> None:
    write_token_file(home, refreshToken=refresh_token(16))
    token = {"access_token": "at", "refresh_token": refresh_token(17)}
    write_database(home, "kiro-cli", {"kirocli:social:token": token})
    write_database(home, "amazon-q", {"kirocli:social:token": token | {"refresh_token": "q"}})
    given, order = dict(EVERY_PLACE), []
    while given:
        order.append(
            [login.grant.refresh_token[:7] for login in choose(**IDC, **given).result.logins]
        )
        given.pop(next(iter(given)))
    (home / ".local/share/kiro-cli/data.sqlite3").rename(home / "kept")
    write_token_file(home).unlink()
    order.append([login.grant.refresh_token[:7] for login in choose().result.logins])
    (home / "kept").rename(home / ".local/share/kiro-cli/data.sqlite3")
    order.append([login.grant.refresh_token[:7] for login in choose().result.logins])
    assert order == [
        ["rt-0010"], ["rt-0011"], ["rt-0012"], ["rt-0013", "rt-0014"], ["rt-0015"],
        ["q"], ["rt-0017"],
    ]  # fmt: skip


def test_the_token_file_is_used_when_no_variable_is_set(home: Path) -> None:
    write_token_file(home, provider="Google", profileArn=PROFILE)
    login = the_login(choose())
    assert (login.kind, login.grant.profile_arn) == ("social", PROFILE)


@pytest.mark.parametrize("text", ["[", "{}", "[]", '[{"disabled": true}]', "no-such-file", '"x"'])
def test_a_variable_that_is_wrong_is_not_passed_over(home: Path, text: str) -> None:
    write_token_file(home)
    choice = choose(KIRO_AUTH_TOKEN=text)
    assert choice.result.logins == []
    assert len(choice.result.problems) == 1
    assert choice.result.problems[0].startswith("KIRO_AUTH_TOKEN")


def test_a_token_mistaken_for_a_path_is_not_repeated(home: Path) -> None:
    settings = Settings.from_env({"KIRO_AUTH_TOKEN": LONG}, "/nonexistent/.env")
    with pytest.raises(GatewayError) as raised:
        Credentials.from_settings(settings)
    assert "KIRO_AUTH_TOKEN is neither JSON nor the path" in raised.value.message
    assert LONG[:12] not in raised.value.message


def test_the_idc_variables_make_a_login(home: Path) -> None:
    login = the_login(choose(AUTH_METHOD="idc", IDC_REFRESH_TOKEN=LONG, **IDC))
    assert (login.kind, login.client_id) == ("idc", "id")
    assert the_login(choose(IDC_REFRESH_TOKEN=LONG, **IDC)) == login


def test_an_incomplete_idc_login_names_what_is_missing(home: Path) -> None:
    problem = "IDC_CLIENT_SECRET and IDC_REFRESH_TOKEN must be set too for an IdC login"
    for method in ("idc", ""):
        assert choose(AUTH_METHOD=method, IDC_CLIENT_ID="x").result.problems == [problem]


def test_auth_method_social_leaves_the_idc_variables_alone(home: Path) -> None:
    assert choose(AUTH_METHOD="social", IDC_REFRESH_TOKEN=LONG, **IDC).source is None


@pytest.mark.parametrize("variable", [*EVERY_PLACE, "KIRO_AUTH_TOKEN_FILE"])
def test_any_variable_counts_as_a_credential_given(home: Path, variable: str) -> None:
    def given(**environ: str) -> bool:
        return chain.is_configured(Settings.from_env(environ, "/nonexistent/.env"))

    (home / "file").write_text("{}")
    assert not given()
    assert given(**{variable: EVERY_PLACE.get(variable, str(home / "file"))})


def test_a_file_or_a_database_counts_as_a_credential_given(home: Path) -> None:
    settings = Settings.from_env({}, "/nonexistent/.env")
    assert not chain.is_configured(settings)
    write_database(home, "kiro-cli", {})
    assert chain.is_configured(settings)


def test_without_any_credential_the_ways_to_give_one_are_named(
    build: Build, tmp_path: Path
) -> None:
    with pytest.raises(GatewayError) as raised:
        build(token_file(tmp_path / "absent.json"))
    assert raised.value.kind is Kind.NO_CREDENTIAL
    for way in ("Kiro IDE", "KIRO_AUTH_TOKEN", "AWS_REFRESHTOKEN"):
        assert way in raised.value.message
