from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from app.keys import commands as key_commands
from app.keys import key_file

Run = Callable[..., Result]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def run(path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(path.parent)
    group = click.Group()
    key_commands.add_to(group)

    def invoke(*arguments: str, **environ: str) -> Result:
        environ = {"KIRO_CLIENT_KEYS_FILE": str(path)} | environ
        return CliRunner().invoke(group, ["keys", *arguments], env=environ)

    return invoke


def test_the_key_is_printed_once_and_only_its_digest_kept(run: Run, path: Path) -> None:
    added = run("add", "alice")
    assert added.exit_code == 0, added.output
    secret = added.stdout.strip()
    assert key_file.read(path) == (key_file.ClientKey("alice", key_file.digest(secret)),)
    assert secret not in path.read_text()
    assert "alice" in added.stderr
    assert secret not in added.stderr


def test_limits_are_kept_and_listed(run: Run, path: Path) -> None:
    options = ["--model", "claude-sonnet-4.6", "--model", "fast", "--requests-per-minute", "60"]
    options += ["--concurrent-streams", "2", "--expires", "90d"]
    added = run("add", "alice", *options, KIRO_MODELS="fast=claude-haiku-4-5")
    assert added.exit_code == 0, added.output
    (key,) = key_file.read(path)
    assert key.models == ("claude-sonnet-4.6", "fast")
    assert (key.requests_per_minute, key.concurrent_streams) == (60, 2)
    assert key.expires is not None
    assert timedelta(days=89) < key.expires - key_file.now() <= timedelta(days=90)
    listed = run("list").output
    for part in ("alice:", "claude-sonnet-4.6, fast", "60 requests", "2 answers", "until 20"):
        assert part in listed
    assert key.sha256 not in listed


def test_an_expired_key_says_so() -> None:
    key = key_file.ClientKey("alice", "0" * 64, expires=key_file.now())
    assert "EXPIRED on" in key_commands.line(key, key_file.now())


def test_a_revoked_key_is_gone(run: Run, path: Path) -> None:
    run("add", "alice")
    run("add", "bob")
    assert run("revoke", "alice").exit_code == 0
    assert [key.name for key in key_file.read(path)] == ["bob"]
    again = run("revoke", "alice")
    assert again.exit_code == 1
    assert "alice has no key" in again.output


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["Alice"], "cannot be the name of a key"),
        (["bob", "--model", "sonet"], "there is no model 'sonet'"),
        (["bob", "--model", "so net"], "there is no model 'so net'"),
        (["bob", "--requests-per-minute", "0"], "--requests-per-minute"),
        (["bob", "--concurrent-streams", "x"], "--concurrent-streams"),
        (["bob", "--expires", "2020-01-01"], "is in the past"),
        (["bob", "--expires", "soon"], "neither a date"),
        (["alice"], "alice already has a key"),
    ],
)
def test_what_cannot_be_added(run: Run, path: Path, arguments: list[str], problem: str) -> None:
    run("add", "alice")
    before = path.read_bytes()
    refused = run("add", *arguments)
    assert refused.exit_code != 0
    assert problem in refused.output
    assert path.read_bytes() == before


def test_the_default_model_may_be_one_that_the_table_lacks(run: Run, path: Path) -> None:
    assert run("add", "bob", "--model", "new-1", KIRO_DEFAULT_MODEL="new-1").exit_code == 0


@pytest.mark.parametrize("command", [["list"], ["add", "alice"], ["revoke", "alice"]])
def test_without_the_setting(run: Run, command: list[str]) -> None:
    refused = run(*command, KIRO_CLIENT_KEYS_FILE="")
    assert refused.exit_code == 1
    assert "set KIRO_CLIENT_KEYS_FILE" in refused.output
