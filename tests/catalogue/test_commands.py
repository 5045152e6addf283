"""``kiro2api models``, against the simulator."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.__main__ import cli
from app.catalogue.commands import account_line
from app.catalogue.record import NOTHING, Record
from app.models.catalogue import STATIC
from app.simulator import Simulator

Run = Callable[..., Result]


@pytest.fixture
def upstream() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture
def run(upstream: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    urls = dict.fromkeys(("KIRO_API_URL", "KIRO_AUTH_URL", "KIRO_OIDC_URL"), upstream.url)
    cleared = {name: None for name in os.environ if name.startswith(("KIRO_", "AWS_"))}
    own = {"HOME": str(tmp_path), "AWS_REFRESHTOKEN": "r" * 120, "KIRO_TOKEN_CACHE": "cache"}

    def invoke(*arguments: str, **environ: str) -> Result:
        return CliRunner().invoke(cli, arguments, env=cleared | urls | own | environ)

    return invoke


def lists(upstream: Simulator) -> int:
    return upstream.stats.get("operation.ListAvailableModels", 0)


def test_the_list_is_for_people(run: Run, upstream: Simulator) -> None:
    shown = run("models")
    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0].split() == ["MODEL", "WINDOW", "OUTPUT", "EFFORTS", "INPUT", "RATE", "ACCOUNTS"]
    assert lines[1].startswith("auto (default)")
    opus = next(line for line in lines if line.startswith("claude-opus-5-5"))
    for part in ("1M", "128k", "low medium* high xhigh max", "text+image", "2"):
        assert part in opus
    kimi = next(line for line in lines if line.startswith("kimi-k3"))
    assert "?" in kimi
    assert "23 models, read " in lines[-1]
    assert run("models").exit_code == 0
    assert lists(upstream) == 1
    upstream.configure_models(offer="free")
    assert "9 models, read 0 s ago" in run("models", "--refresh").stdout


def test_the_list_is_for_programs(run: Run, upstream: Simulator) -> None:
    upstream.configure_models(offer="free")
    told = json.loads(run("models", "--json").stdout)
    (account,) = told["accounts"]
    assert told["default"] == "auto"
    assert told["accounts"][account]["models"] == len(told["models"]) == 9
    assert all(model["accounts"] == [account] for model in told["models"])
    assert told["models"][0].keys() >= {"id", "context_window", "fields", "rate"}


def test_without_a_list_the_table_is_shown(run: Run, upstream: Simulator) -> None:
    upstream.configure_models(empty=True)
    shown = run("models")
    assert shown.exit_code == 0
    assert "claude-fable-5-1" in shown.stdout
    assert "not read; the gateway's own table answers (The upstream listed no model" in shown.stdout


def test_without_an_account(run: Run) -> None:
    refused = run("models", AWS_REFRESHTOKEN="")
    assert refused.exit_code == 1
    assert "no usable credential" in refused.output


def test_a_model_that_only_a_list_has_can_be_given_to_a_key(run: Run, upstream: Simulator) -> None:
    upstream.configure_models(offer=["auto", {"modelId": "nova-9"}])
    add = ("keys", "add", "bob", "--model", "nova-9")
    assert run(*add, KIRO_CLIENT_KEYS_FILE="keys.json").exit_code == 1
    run("models")
    added = run(*add, KIRO_CLIENT_KEYS_FILE="keys.json")
    assert added.exit_code == 0, added.output


@pytest.mark.parametrize(
    ("seconds", "age"), [(-3, "0 s"), (89, "89 s"), (120, "2 min"), (5400, "2 h"), (80_000, "22 h")]
)
def test_how_old_a_list_is(seconds: float, age: str) -> None:
    record = Record(STATIC, listed_at=1e9, asked_at=1e9)
    assert account_line("a", record, 1e9 + seconds) == f"a: 26 models, read {age} ago"
    assert account_line("a", NOTHING, 1e9) == "a: not read; the gateway's own table answers"
