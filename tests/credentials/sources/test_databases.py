"""The logins of kiro-cli and the Amazon Q CLI."""

import sqlite3
from pathlib import Path

import pytest

from app.credentials.sources import chain
from app.settings import Settings
from tests.credentials.conftest import Build, Clock
from tests.credentials.home import LONG, PROFILE, choose, the_login, write_database
from tests.credentials.service import AuthService, refresh_token

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
def test_the_login_of_a_command_line_program(home: Path, product: str, prefix: str) -> None:
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
def test_no_database_can_name_a_host(
    home: Path, token: dict[str, str], state: dict[str, str], member: str
) -> None:
    rows = {"kirocli:social:token": CLI_TOKEN | token}
    write_database(home, "kiro-cli", rows, api_codewhisperer_profile=state)
    found = choose().result
    assert found.logins == []
    assert "kirocli:social:token" in found.problems[0]
    assert member in found.problems[0]


def test_a_refreshed_token_of_a_command_line_program_is_kept_elsewhere(
    home: Path, build: Build, clock: Clock, service: AuthService
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
def test_a_database_without_a_login_is_passed_over(home: Path, content: bytes) -> None:
    path = home / ".local" / "share" / "kiro-cli" / "data.sqlite3"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    write_database(home, "amazon-q", {"kirocli:social:token": CLI_TOKEN})
    assert len(choose().result.logins) == 1


def test_a_database_in_use_can_be_read(home: Path) -> None:
    path = write_database(home, "kiro-cli", {"kirocli:social:token": CLI_TOKEN})
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("BEGIN IMMEDIATE")
    assert the_login(choose()).grant.refresh_token == LONG
    writer.rollback()
    writer.close()
