"""The commands, against the simulator's sign-in service, as a user types them."""

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from app.codewhisperer.client import Client
from app.codewhisperer.service.hosts import HostChoice
from app.codewhisperer.service.operations import ControlPlane
from app.common.errors import GatewayError, Kind
from app.credentials import commands
from app.settings import Settings
from app.simulator import Simulator
from tests.credentials.conftest import Build, env_json
from tests.credentials.service import refresh_token


@pytest.fixture
def upstream() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def run(
    upstream: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Runs a command in its own environment, without real waits."""
    monkeypatch.chdir(tmp_path)

    def control(settings: Settings) -> ControlPlane:
        client = Client(connections=1, connect_timeout=5, user_agent="kiro2api/test")
        return ControlPlane(client, HostChoice(settings.kiro_api_url, None))

    def invoke(*arguments: str, **environ: str) -> Result:
        group = click.Group()
        commands.add_to(group, control, sleep=lambda seconds: None)
        home = {"HOME": str(tmp_path)}
        urls = dict.fromkeys(("KIRO_API_URL", "KIRO_AUTH_URL", "KIRO_OIDC_URL"), upstream.url)
        cleared = {name: None for name in os.environ if name.startswith(("KIRO_", "AWS_"))}
        return CliRunner().invoke(group, arguments, env=cleared | home | urls | environ)

    return invoke


def the_token_file(home: Path) -> Path:
    return home / ".aws" / "sso" / "cache" / "kiro-auth-token.json"


def test_login_accounts_logout(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("login", "--start-url", "https://example.awsapps.com/start")
    assert result.exit_code == 0, result.output
    assert "SIMU-LATE" in result.output
    path = the_token_file(tmp_path)
    written = json.loads(path.read_text())
    registration = path.parent / f"{written['clientIdHash']}.json"
    assert written["authMethod"] == "IdC"
    for file in (path, registration):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    result = run("accounts")
    assert result.exit_code == 0, result.output
    _head, line = result.output.splitlines()
    for part in ("the Kiro token file", "idc", "expires in", "0 of 1000 used, resets", "ready"):
        assert part in line
    for secret in (written["accessToken"], written["refreshToken"]):
        assert secret not in result.output

    assert "Logged out" in run("logout").output
    assert not path.exists()
    assert "There is no login" in run("logout").output
    assert "no usable credential" in run("accounts").output


def test_a_registration_that_is_still_good_is_used_again(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    run("login")
    before = json.loads(the_token_file(tmp_path).read_text())
    files = sorted(the_token_file(tmp_path).parent.glob("*.json"))
    run("login")
    after = json.loads(the_token_file(tmp_path).read_text())
    assert before["clientIdHash"] == after["clientIdHash"]
    assert before["refreshToken"] != after["refreshToken"]
    assert sorted(the_token_file(tmp_path).parent.glob("*.json")) == files


@pytest.mark.parametrize("region", ["evil.example/", "us-east-1.evil.example", "", "US-EAST-1"])
def test_the_region_of_a_login_names_no_host(
    run: Callable[..., Result], tmp_path: Path, region: str
) -> None:
    result = run("login", "--region", region)
    assert result.exit_code == 2
    assert "Invalid value for '--region': must be an AWS region such as us-east-1" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_variable_that_comes_first_is_named_after_login_and_logout(
    run: Callable[..., Result],
) -> None:
    result = run("login", AWS_REFRESHTOKEN=refresh_token(1))
    assert "AWS_REFRESHTOKEN is set and takes precedence" in result.output
    result = run("logout", AWS_REFRESHTOKEN=refresh_token(1))
    assert "AWS_REFRESHTOKEN is set and remains in use" in result.output


def test_accounts_tells_of_bad_entries_and_why_one_is_out(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    keys = json.dumps([{"apiKey": "ksk_1", "description": "work"}, {"auth": "api_key"}])
    result = run("accounts", KIRO_AUTH_TOKEN=keys)
    assert result.exit_code == 1
    row = result.output.splitlines()[1]
    for part in ("ready", "api_key", "does not expire", "KIRO_AUTH_TOKEN entry 1 (work)"):
        assert part in row
    assert "! KIRO_AUTH_TOKEN entry 2: apiKey is missing" in result.output
    assert (
        "there is no account nobody"
        in run("accounts", "--clear", "nobody", KIRO_AUTH_TOKEN=keys).output
    )


def test_an_account_that_is_out_can_be_taken_back(
    run: Callable[..., Result], build: Build, tmp_path: Path
) -> None:
    credentials = build(env_json({"apiKey": "ksk_1"}), cache=tmp_path / ".local/state/kiro2api")
    credentials.failed(credentials.token(), GatewayError(Kind.SUSPENDED, "locked by AWS"))
    key = json.dumps({"apiKey": "ksk_1"})
    result = run("accounts", KIRO_AUTH_TOKEN=key)
    assert result.exit_code == 2
    assert "suspended: locked by AWS" in result.output
    account = result.output.splitlines()[1].split()[0]
    assert f"accounts --clear {account}`" in result.output
    result = run("accounts", "--clear", account, KIRO_AUTH_TOKEN=key)
    assert result.exit_code == 0
    assert "ready" in result.output


def test_a_dead_login_is_found_by_a_check(
    run: Callable[..., Result], upstream: Simulator, tmp_path: Path
) -> None:
    run("login")
    dead = json.loads(the_token_file(tmp_path).read_text())["refreshToken"]
    upstream.configure_tokens(expire="all", dead=[dead])
    assert "ready" not in run("accounts").output.splitlines()[1]
    result = run("accounts", "--check", "--json")
    assert result.exit_code == 2
    (one,) = json.loads(result.output)["accounts"]
    assert (one["state"], one["usable"]) == ("login over", False)
    assert "log in" in one["why"]


def test_without_a_check_an_untried_login_is_not_ready(run: Callable[..., Result]) -> None:
    result = run("accounts", AWS_REFRESHTOKEN=refresh_token(1))
    assert result.exit_code == 0
    assert "untried" in result.output
    assert "ready" not in result.output
    assert "--check` tries it" in result.output
