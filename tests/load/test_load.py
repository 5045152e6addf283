"""``kiro2api load``: what it measures, and what it leaves alone."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from app.load import commands, streams
from app.load.figures import Figures, percentile
from app.load.streams import Target
from app.simulator import Simulator
from tests.live.servers import KEY, Gateway, free_port


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    running = Gateway(simulator.url, tmp_path_factory.mktemp("gateway"))
    yield running
    running.stop()


def measured(gateway: Gateway, answer: object, *, key: str = KEY, port: int = 0) -> Figures:
    prompt = "!sim " + json.dumps(answer)
    target = Target("127.0.0.1", port or gateway.port, key, "claude-sonnet-4-5", prompt)
    assert key not in repr(target)
    return asyncio.run(streams.run(target, 3, 0.2))


def test_whole_answers_are_measured(gateway: Gateway) -> None:
    figures = measured(gateway, {"text": ["a", "b", "c"], "delay": 0.1})
    assert not figures.failures
    answers = len(figures.totals)
    assert answers >= 3
    assert len(figures.first) == answers
    assert figures.pieces == 3 * answers
    assert min(figures.totals) > 0.2
    assert all(first < total for first, total in zip(figures.first, figures.totals, strict=False))
    assert figures.lags


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"fail": "too_long"}, "status 4"),
        ({"text": ["a", "b"], "exception": "internal"}, "the stream"),
    ],
)
def test_broken_answers_are_counted(gateway: Gateway, answer: object, reason: str) -> None:
    figures = measured(gateway, answer)
    assert figures.totals == []
    assert all(name.startswith(reason) for name in figures.failures)
    assert figures.failures.total() >= 3


def test_a_key_that_is_refused_and_nobody_there(gateway: Gateway) -> None:
    assert "status 401" in measured(gateway, {}, key="wrong-key").failures
    assert measured(gateway, {}, port=free_port()).failures


def test_percentiles() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50, 99, 100]
    assert percentile([3.0], 0.5) == 3.0
    figures = Figures(first=[0.1], totals=[0.2], pieces=5, seconds=2.0)
    text = "\n".join(figures.lines())
    assert "1 answers in 2.0 s (0.5 a second, 2 pieces a second), 0 failed" in text
    assert "100.0" in text
    assert "none" in text  # no gap
    assert figures.document()["milliseconds"]["first_piece"]["p99"] == 100.0


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, **environ: str) -> Result:
        group = click.Group()
        given = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "WEB_CONCURRENCY": "1"}
        commands.add_to(group, {**given, **environ})
        return CliRunner().invoke(group, ["load", *arguments])

    return invoke


def test_a_gateway_of_its_own_touches_no_login(run: Callable[..., Result], tmp_path: Path) -> None:
    login = tmp_path / "login.json"
    login.write_text(json.dumps({"refreshToken": "canary" * 20, "authMethod": "social"}))
    before = login.read_bytes()
    (tmp_path / ".env").write_text("KIRO_API_KEY=ksk_canarycanarycanary\n")
    result = run(
        "--streams", "2", "--seconds", "0.2", "--pieces", "3", "--json", KIRO_AUTH_TOKEN=str(login)
    )
    assert result.exit_code == 0, result.output
    figures = json.loads(result.output)
    assert figures["answers"] >= 2
    assert figures["failures"] == {}
    assert login.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"login.json", ".env"}


def test_settings_that_are_wrong_are_said(run: Callable[..., Result]) -> None:
    result = run("--seconds", "0.1", KIRO_PING_INTERVAL="never")
    assert result.exit_code == 2
    assert "KIRO_PING_INTERVAL: found 'never'" in result.output


def test_a_running_gateway(run: Callable[..., Result], gateway: Gateway, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    options = ("--streams", "2", "--seconds", "0.1", "--key-file", str(key))
    result = run("--running", "--url", gateway.url, *options)
    assert result.exit_code == 0, result.output
    assert "first piece" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--url", "http://127.0.0.1:1"), "costs credits"),
        (("--running", "--url", "http://example.com"), "is not on this machine"),
        (("--running", "--url", "https://127.0.0.1:1"), "is not on this machine"),
    ],
)
def test_other_gateways_are_not_tested(
    run: Callable[..., Result], arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output
