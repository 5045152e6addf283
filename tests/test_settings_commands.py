"""The commands ``settings show`` and ``settings check``, as a user types them."""

import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from app import settings_commands
from app.settings import setting_fields, variable
from tests.credentials.service import refresh_token

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, **environ: str) -> Result:
        group = click.Group()
        settings_commands.add_to(group)
        known = {variable(item) for item in setting_fields()}
        cleared = {name: None for name in os.environ if name in known or name[:5] == "KIRO_"}
        home = {"HOME": str(tmp_path)}
        return CliRunner().invoke(group, ["settings", *arguments], env=cleared | home | environ)

    return invoke


def row(result: Result, name: str) -> str:
    return next(line for line in result.output.splitlines() if line.split()[0] == name)


def test_what_is_in_force_and_where_it_comes_from(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nKIRO_CLIENT_TOKEN=canary\nKIRO_IDLE_TIMEOUT=7.5\n")
    (tmp_path / "token").write_text(refresh_token(0))
    result = run("show", PORT="9001", AWS_REFRESHTOKEN_FILE="token", KIRO_MODELS="fast=auto")
    assert result.exit_code == 0
    assert row(result, "PORT").split(maxsplit=2) == ["PORT", "9001", "the environment"]
    assert row(result, "KIRO_IDLE_TIMEOUT").split(maxsplit=2)[1:] == ["7.5", ".env line 3"]
    assert "6 hidden characters" in row(result, "KIRO_CLIENT_TOKEN")
    assert row(result, "AWS_REFRESHTOKEN").endswith("hidden characters  token") or row(
        result, "AWS_REFRESHTOKEN"
    ).endswith("token")
    assert row(result, "KIRO_MODELS").split()[1] == "fast=auto"
    assert row(result, "KIRO_API_KEY").endswith("not set")
    assert "canary" not in result.output
    assert refresh_token(0) not in result.output
    assert len(result.output.splitlines()) == len(setting_fields()) + 1


def test_the_default_key_is_no_secret(run: Run) -> None:
    assert row(run("show"), "KIRO_CLIENT_TOKEN").split(maxsplit=2)[1:] == ["123456", "the default"]


def test_what_an_empty_variable_hides_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\n")
    result = run("show", PORT="")
    assert row(result, "PORT").split()[1] == "8080"
    assert "! PORT is empty in the environment, which hides .env line 1" in result.output


@pytest.mark.parametrize(
    ("environ", "status", "said"),
    [
        ({}, 0, "The settings are valid."),
        ({"KIRO_IDLE_TIMEOT": "3"}, 0, "did you mean KIRO_IDLE_TIMEOUT?"),
        ({"PORT": "x"}, 1, "PORT: found 'x'"),
        ({"HOST": "0.0.0.0"}, 1, "KIRO_CLIENT_TOKEN: found 123456"),
        ({"KIRO_AUTH_TOKEN": "{"}, 1, "KIRO_AUTH_TOKEN"),
        ({"KIRO_CLIENT_KEYS_FILE": "no.json"}, 1, "KIRO_CLIENT_KEYS_FILE"),
    ],
)
def test_check(run: Run, environ: dict[str, str], status: int, said: str) -> None:
    result = run("check", **environ)
    assert result.exit_code == status, result.output
    assert said in result.output


def test_a_strict_check_fails_for_a_warning(run: Run) -> None:
    own = {"KIRO_CLIENT_TOKEN": "my own"}
    assert run("check", "--strict", **own).exit_code == 0
    assert run("check", "--strict", KIRO_IDLE_TIMEOT="3", **own).exit_code == 1
