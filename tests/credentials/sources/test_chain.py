"""Where a credential is taken from, and what is said of one that is wrong."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from app.credentials.model import Login
from app.credentials.pool import Credentials
from app.credentials.sources import chain
from app.errors import GatewayError
from app.settings import Settings
from tests.credentials.conftest import env_json
from tests.credentials.service import refresh_token

LONG = refresh_token(1)
PROFILE = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABCDEFGHIJKL"


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("platform.system", lambda: "Linux")
    return tmp_path


def choose(**environ: str) -> chain.Choice:
    settings = Settings.from_env({"HOME": os.environ["HOME"], **environ}, "/nonexistent/.env")
    return chain.choose(chain.from_settings(settings))


def the_login(choice: chain.Choice) -> Login:
    assert choice.result.problems == []
    (login,) = choice.result.logins
    return login


def write_token_file(home: Path, **members: object) -> Path:
    path = home / ".aws" / "sso" / "cache" / "kiro-auth-token.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"refreshToken": LONG} | members))
    return path


def write_database(home: Path, product: str, rows: dict[str, Any], **state: Any) -> Path:
    path = home / ".local" / "share" / product / "data.sqlite3"
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE auth_kv (key TEXT PRIMARY KEY, value TEXT)")
        database.execute("CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB)")
        for key, value in rows.items():
            database.execute("INSERT INTO auth_kv VALUES (?, ?)", (key, json.dumps(value)))
        for key, value in state.items():
            blob = json.dumps(value).encode()
            database.execute("INSERT INTO state VALUES (?, ?)", (key.replace("_", "."), blob))
    database.close()
    return path


EVERY_PLACE = {
    "KIRO_AUTH_TOKEN": json.dumps({"refreshToken": refresh_token(10)}),
    "AWS_REFRESHTOKEN": refresh_token(11),
    "REFRESH_TOKEN": refresh_token(12),
    "BULK_REFRESH_TOKENS": f"{refresh_token(13)}, {refresh_token(14)}",
    "IDC_REFRESH_TOKEN": refresh_token(15),
}
IDC = {"IDC_CLIENT_ID": "id", "IDC_CLIENT_SECRET": "secret"}


def test_the_first_place_wins(home) -> None:
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


def test_the_token_file_is_used_when_no_variable_is_set(home) -> None:
    write_token_file(home, provider="Google", profileArn=PROFILE)
    login = the_login(choose())
    assert (login.kind, login.grant.profile_arn) == ("social", PROFILE)


def test_the_choice_is_logged_once(home, build, caplog) -> None:
    caplog.set_level("INFO")
    credentials = build(env_json({"apiKey": "ksk_1"}))
    for _ in range(3):
        credentials.token()
    assert [line for line in caplog.messages if "using" in line] == [
        "credential: using KIRO_AUTH_TOKEN: 1 login(s)"
    ]


@pytest.mark.parametrize("text", ["[", "{}", "[]", '[{"disabled": true}]', "no-such-file", '"x"'])
def test_a_variable_that_is_wrong_is_not_passed_over(home, text) -> None:
    write_token_file(home)
    choice = choose(KIRO_AUTH_TOKEN=text)
    assert choice.result.logins == []
    assert len(choice.result.problems) == 1
    assert choice.result.problems[0].startswith("KIRO_AUTH_TOKEN")


def test_a_token_mistaken_for_a_path_is_not_repeated(home) -> None:
    settings = Settings.from_env({"KIRO_AUTH_TOKEN": LONG}, "/nonexistent/.env")
    with pytest.raises(GatewayError) as raised:
        Credentials.from_settings(settings)
    assert "KIRO_AUTH_TOKEN is neither JSON nor the path" in raised.value.message
    assert LONG[:12] not in raised.value.message


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("text", "a login must be a JSON object"),
        ({}, "refreshToken is missing"),
        ({"refreshToken": 5}, "refreshToken must be a string"),
        ({"refreshToken": "two words"}, "refreshToken contains a space"),
        ({"refreshToken": "line\nbreak"}, "refreshToken contains a space, a line break"),
        ({"refreshToken": LONG, "authMethod": "magic"}, "authMethod must be"),
        ({"refreshToken": LONG, "auth": "IdC"}, "clientId is missing"),
        ({"refreshToken": LONG, "auth": "IdC", "clientId": "x"}, "clientSecret is missing"),
        (
            {"refreshToken": LONG, "auth": "external_idp", "clientId": "x"},
            "tokenEndpoint is missing",
        ),
        ({"auth": "api_key"}, "apiKey is missing"),
        ({"refreshToken": LONG, "expiresAt": "soon"}, "expiresAt is not a time"),
        ({"refreshToken": LONG, "disabled": "yes"}, "disabled must be true or false"),
        ({"refreshToken": LONG, "region": "evil.example/"}, "region must be an AWS region such as"),
        ({"refreshToken": LONG, "region": "us-east-1.evil.example"}, "region must be"),
        ({"refreshToken": LONG, "region": "us-east-1@evil.example#"}, "region must be"),
        ({"apiKey": "ksk_1", "region": "evil.example/"}, "region must be"),
        (
            {"refreshToken": LONG, "profileArn": "arn:aws:codewhisperer:evil.example/:1:profile/X"},
            "the region in profileArn must be an AWS region such as us-east-1",
        ),
    ],
)
def test_a_bad_entry_is_named_and_takes_no_good_one_with_it(home, entry, problem) -> None:
    text = json.dumps([{"apiKey": "ksk_good"}, entry, {"refreshToken": refresh_token(2)}])
    found = choose(KIRO_AUTH_TOKEN=text).result
    assert [login.source for login in found.logins] == [
        "KIRO_AUTH_TOKEN entry 1",
        "KIRO_AUTH_TOKEN entry 3",
    ]
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"KIRO_AUTH_TOKEN entry 2: {problem}")


def test_an_idc_login_finds_its_registration_beside_the_token_file(home) -> None:
    path = write_token_file(home, authMethod="IdC", region="eu-west-3", clientIdHash="0a1b")
    assert "clientIdHash" in choose().result.problems[0]
    (path.parent / "0a1b.json").write_text(json.dumps({"clientId": "i", "clientSecret": "s"}))
    login = the_login(choose())
    assert (login.kind, login.region, login.client_id, login.client_secret) == (
        "idc", "eu-west-3", "i", "s",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", ".", "a.json"])
def test_a_registration_elsewhere_is_not_read(home, name) -> None:
    write_token_file(home, authMethod="IdC", clientIdHash=name)
    assert "not a plain file name" in choose().result.problems[0]


def test_the_idc_variables_make_a_login(home) -> None:
    login = the_login(choose(AUTH_METHOD="idc", IDC_REFRESH_TOKEN=LONG, **IDC))
    assert (login.kind, login.client_id) == ("idc", "id")
    assert the_login(choose(IDC_REFRESH_TOKEN=LONG, **IDC)) == login


def test_an_incomplete_idc_login_names_what_is_missing(home) -> None:
    problem = "IDC_CLIENT_SECRET and IDC_REFRESH_TOKEN must be set too for an IdC login"
    for method in ("idc", ""):
        assert choose(AUTH_METHOD=method, IDC_CLIENT_ID="x").result.problems == [problem]


def test_auth_method_social_leaves_the_idc_variables_alone(home) -> None:
    assert choose(AUTH_METHOD="social", IDC_REFRESH_TOKEN=LONG, **IDC).source is None


def test_a_docker_secret_is_read_again_when_it_changes(home, build, clock) -> None:
    secret = home / "secret"
    secret.write_text("[" + json.dumps({"apiKey": "ksk_1"}) + "]\n")
    settings = Settings.from_env({"KIRO_AUTH_TOKEN_FILE": str(secret)}, "/nonexistent/.env")
    credentials = build(*chain.from_settings(settings))
    assert credentials.token().access_token == "ksk_1"
    secret.write_text(json.dumps({"apiKey": "ksk_changed"}))
    clock.now += 1.1
    assert credentials.token().access_token == "ksk_changed"


def test_a_damaged_file_leaves_what_was_read_before_in_use(home, build, clock, caplog) -> None:
    path = write_token_file(home, accessToken="at-1", expiresAt=clock.now + 9999)
    credentials = build(*chain.from_settings(Settings.from_env({}, "/nonexistent/.env")))
    for damage in ('{"refreshTok', ""):
        path.write_text(damage)
        clock.now += 1.1
        assert credentials.token().access_token == "at-1"
    assert "is not complete JSON" in caplog.text
    assert "is empty" in caplog.text


def test_a_login_that_is_removed_is_no_longer_used(home, build, clock) -> None:
    path = write_token_file(home, accessToken="at-1", expiresAt=clock.now + 9999)
    credentials = build(*chain.from_settings(Settings.from_env({}, "/nonexistent/.env")))
    path.unlink()
    clock.now += 1.1
    with pytest.raises(GatewayError, match="no usable credential"):
        credentials.token()
    write_token_file(home, accessToken="at-2", expiresAt=clock.now + 9999)
    clock.now += 1.1
    assert credentials.token().access_token == "at-2"


def test_a_byte_order_mark_is_no_damage(home) -> None:
    path = write_token_file(home)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert the_login(choose()).grant.refresh_token == LONG


CLI_TOKEN = {
    "access_token": "at-cli",
    "refresh_token": LONG,
    "expires_at": "2026-01-01T00:00:00.123456789Z",
    "region": "us-west-2",
    "start_url": "https://example.awsapps.com/start",
    "oauth_flow": "DeviceCode",
    "scopes": ["codewhisperer:completions"],
}
REGISTRATION = {"client_id": "i", "client_secret": "s", "region": "us-west-2"}


@pytest.mark.parametrize(
    ("product", "prefix"), [("kiro-cli", "kirocli"), ("amazon-q", "codewhisperer")]
)
def test_the_login_of_a_command_line_program(home, product, prefix) -> None:
    rows = {f"{prefix}:odic:token": CLI_TOKEN, f"{prefix}:odic:device-registration": REGISTRATION}
    path = write_database(home, product, rows, api_codewhisperer_profile={"arn": PROFILE})
    before = path.read_bytes()
    login = the_login(choose())
    assert (login.kind, login.client_id, login.client_secret, login.region, login.path) == (
        "idc", "i", "s", "us-west-2", None,
    )  # fmt: skip
    assert login.grant.profile_arn == PROFILE
    assert login.grant.expires_at == pytest.approx(1767225600.123)
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == (before, [path])


@pytest.mark.parametrize(
    ("token", "state", "member"),
    [
        ({"region": "evil.example/"}, {}, "region must be an AWS region"),
        ({"profile_arn": "arn:aws:codewhisperer:x/:1:x"}, {}, "the region in profileArn"),
        ({}, {"arn": "arn:aws:codewhisperer:x/:1:x"}, "the region in profileArn"),
    ],
)
def test_no_database_can_name_a_host(home, token, state, member) -> None:
    rows = {"kirocli:social:token": CLI_TOKEN | token}
    write_database(home, "kiro-cli", rows, api_codewhisperer_profile=state)
    found = choose().result
    assert found.logins == []
    assert "kirocli:social:token" in found.problems[0]
    assert member in found.problems[0]


def test_a_refreshed_token_of_a_command_line_program_is_kept_elsewhere(
    home, build, clock, service
) -> None:
    token = CLI_TOKEN | {"refresh_token": refresh_token(0), "profile_arn": PROFILE}
    path = write_database(home, "kiro-cli", {"kirocli:social:token": token})
    before = path.read_bytes()
    clock.now = 1767225600 + 60
    found = chain.from_settings(Settings.from_env({}, "/nonexistent/.env"))
    assert build(*found).token().access_token.startswith("at-0001")
    assert build(*found).token().access_token.startswith("at-0001")
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no database at all" * 99])
def test_a_database_without_a_login_is_passed_over(home, content) -> None:
    path = home / ".local" / "share" / "kiro-cli" / "data.sqlite3"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    write_database(home, "amazon-q", {"kirocli:social:token": CLI_TOKEN})
    assert len(choose().result.logins) == 1


def test_a_database_in_use_can_be_read(home) -> None:
    path = write_database(home, "kiro-cli", {"kirocli:social:token": CLI_TOKEN})
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("BEGIN IMMEDIATE")
    assert the_login(choose()).grant.refresh_token == LONG
    writer.rollback()
    writer.close()


@pytest.mark.parametrize("variable", [*EVERY_PLACE, "KIRO_AUTH_TOKEN_FILE"])
def test_any_variable_counts_as_a_credential_given(home, variable) -> None:
    def given(**environ: str) -> bool:
        return chain.is_configured(Settings.from_env(environ, "/nonexistent/.env"))

    (home / "file").write_text("{}")
    assert not given()
    assert given(**{variable: EVERY_PLACE.get(variable, str(home / "file"))})


def test_a_file_or_a_database_counts_as_a_credential_given(home) -> None:
    settings = Settings.from_env({}, "/nonexistent/.env")
    assert not chain.is_configured(settings)
    write_database(home, "kiro-cli", {})
    assert chain.is_configured(settings)
