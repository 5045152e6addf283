from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

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


def test_budgets_are_kept_and_listed(run: Run, path: Path) -> None:
    budgets = [
        "--credits-per-day",
        "12.5",
        "--credits-per-week",
        "50",
        "--credits-per-month",
        "1e2",
    ]
    added = run("add", "alice", *budgets, "--tokens-per-minute", "50000")
    assert added.exit_code == 0, added.output
    (key,) = key_file.read(path)
    assert (key.credits_per_day, key.credits_per_week, key.credits_per_month) == (12.5, 50, 100)
    assert key.tokens_per_minute == 50_000
    listed = run("list").output
    for part in ("12.5 credits a day", "100 credits a month", "50000 tokens per minute"):
        assert part in listed


def test_only_what_is_named_is_set(run: Run, path: Path) -> None:
    run("add", "alice", "--requests-per-minute", "5", "--model", "claude-haiku-4.5")
    run("add", "bob")
    (before, other) = key_file.read(path)
    done = run("set", "alice", "--credits-per-day", "3", "--requests-per-minute", "none")
    assert done.exit_code == 0, done.output
    assert "3 credits a day" in done.output
    (after, unchanged) = key_file.read(path)
    assert unchanged == other
    assert after == replace(before, credits_per_day=3.0, requests_per_minute=None)
    run("set", "alice", "--model", "none", "--expires", "9d")
    (after, _) = key_file.read(path)
    assert (after.models, after.sha256) == (None, before.sha256)
    assert after.expires
    run("set", "alice", "--expires", "none")
    assert key_file.read(path)[0].expires is None


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["set", "carol", "--credits-per-day", "1"], "carol has no key"),
        (["set", "alice"], "say what to change"),
        (["set", "alice", "--credits-per-day", "0"], "not a number of credits above 0"),
        (["set", "alice", "--credits-per-day", "nan"], "not a number of credits above 0"),
        (["set", "alice", "--credits-per-day", "0.0000001"], "at most six decimals"),
        (["set", "alice", "--model", "sonet"], "there is no model 'sonet'"),
        (["add", "bob", "--requests-per-minute", "none"], "not a valid integer"),
        (["rotate", "carol"], "carol has no key"),
        (["rotate", "alice", "--grace", "soon"], "not a number of seconds, minutes"),
    ],
)
def test_what_cannot_be_changed(run: Run, path: Path, arguments: list[str], problem: str) -> None:
    run("add", "alice")
    before = path.read_bytes()
    refused = run(*arguments)
    assert refused.exit_code != 0
    assert problem in refused.output
    assert path.read_bytes() == before


def test_a_rotated_key_is_another_beside_the_former(run: Run, path: Path) -> None:
    run("add", "alice", "--credits-per-day", "3")
    (first,) = key_file.read(path)
    rotated = run("rotate", "alice", "--grace", "2h")
    secret = rotated.stdout.strip()
    assert "The former one is good until" in rotated.stderr
    (second,) = key_file.read(path)
    assert second.sha256 == key_file.digest(secret)
    assert second.credits_per_day == 3
    ((former),) = second.former
    assert former.sha256 == first.sha256
    assert timedelta(minutes=119) < former.until - key_file.now() <= timedelta(hours=2)
    assert "the former key until" in run("list").output
    run("rotate", "alice", "--grace", "0s")
    (third,) = key_file.read(path)
    assert third.former == (former,)


@pytest.mark.parametrize("command", [["list"], ["add", "alice"], ["revoke", "alice"]])
def test_without_the_setting(run: Run, command: list[str]) -> None:
    refused = run(*command, KIRO_CLIENT_KEYS_FILE="")
    assert refused.exit_code == 1
    assert "set KIRO_CLIENT_KEYS_FILE" in refused.output
