"""The procedures of docs/operations.md, on one gateway.

A procedure's test names its heading, as docs/upstream.md's facts are named.
"""

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from app.simulator import Simulator
from tests.live import processes
from tests.live.servers import ROOT, Gateway

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
NAMED = re.compile(r"docs/operations\.md: ([^\n\"]+)")
ASK = {"model": "claude-sonnet-5", "max_tokens": 64, "messages": [{"role": "user", "content": "a"}]}


def until(done: Callable[[], object], what: object = "it did not come to that") -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def ask(gateway: Gateway, key: str) -> int:
    headers = {"x-api-key": key}
    return requests.post(
        gateway.url + "/v1/messages", json=ASK, headers=headers, timeout=30
    ).status_code


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "owner"
    path.write_text("first")
    return path


@pytest.fixture(scope="module")
def gateway(
    upstream: Simulator, key_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    work = tmp_path_factory.mktemp("operations")
    told = {"KIRO_CLIENT_TOKEN": "", "KIRO_CLIENT_TOKEN_FILE": str(key_file)}
    running = Gateway(upstream.url, work, LOG_FILE=str(work / "app.log"), **told)
    yield running
    running.stop()


def workers(gateway: Gateway) -> set[int]:
    return set(processes.children(gateway.process.pid))


def test_the_owners_key_is_replaced(gateway: Gateway, key_file: Path) -> None:
    """docs/operations.md: The owner's key"""
    assert (ask(gateway, "first"), ask(gateway, "second")) == (200, 401)
    key_file.write_text("second")
    before = workers(gateway)
    gateway.process.send_signal(signal.SIGHUP)
    until(lambda: not before & workers(gateway))
    assert (ask(gateway, "first"), ask(gateway, "second")) == (401, 200)


def test_wrong_settings_change_nothing(gateway: Gateway, key_file: Path) -> None:
    """docs/operations.md: Settings"""
    right, before = key_file.read_text(), workers(gateway)
    key_file.write_text("not\nsuch a key")
    gateway.process.send_signal(signal.SIGHUP)
    until(lambda: not before & workers(gateway))
    key_file.write_text(right)
    assert ask(gateway, right) == 200
    assert "not reloaded, the former settings stay" in gateway.log_text()


def test_workers_come_and_go(gateway: Gateway) -> None:
    for number, expected in ((signal.SIGTTIN, 3), (signal.SIGTTOU, 2)):
        gateway.process.send_signal(number)
        until(lambda expected=expected: len(workers(gateway)) == expected)  # type: ignore[misc]


def test_the_log_file_is_opened_again(gateway: Gateway, key_file: Path) -> None:
    log = Path(gateway.settings["LOG_FILE"])
    log.rename(log.with_suffix(".1"))
    gateway.process.send_signal(signal.SIGUSR1)
    assert ask(gateway, key_file.read_text()) == 200
    until(lambda: log.exists() and "kiro2api.access" in log.read_text())


def test_state_is_kept_in_one_directory(
    upstream: Simulator, gateway: Gateway, key_file: Path, tmp_path: Path
) -> None:
    """docs/operations.md: Backup and restore"""
    assert ask(gateway, key_file.read_text()) == 200
    gateway.process.send_signal(signal.SIGTERM)
    assert gateway.process.wait(60) == 0
    cache = tmp_path / "restored"
    shutil.copytree(gateway.settings["KIRO_TOKEN_CACHE"], cache)
    refreshes = upstream.stats["refreshes"]
    told = {name: gateway.settings[name] for name in ("AWS_REFRESHTOKEN", "KIRO_CLIENT_TOKEN_FILE")}
    other = Gateway(
        upstream.url, tmp_path, KIRO_CLIENT_TOKEN="", KIRO_TOKEN_CACHE=str(cache), **told
    )
    try:
        assert ask(other, key_file.read_text()) == 200
        assert upstream.stats["refreshes"] == refreshes, "the login was restored"
        command = [sys.executable, "-m", "app", "usage", "--json"]
        usage = subprocess.check_output(command, cwd=ROOT, env=other.settings, text=True)
        assert '"requests": 0' not in usage
    finally:
        other.stop()


def test_each_procedure_is_named_by_a_test() -> None:
    procedures = set(re.findall(r"^### (.+)$", PAGE, re.MULTILINE))
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    named = {name.strip() for text in texts for name in NAMED.findall(text)}
    assert procedures == named


def test_each_line_of_the_log_is_written_somewhere() -> None:
    table = PAGE.partition("| Line |")[2]
    quoted = re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE)
    assert quoted
    sources = [*(ROOT / "app").rglob("*.py"), ROOT / "gunicorn.conf.py"]
    said = "".join(path.read_text(encoding="utf-8") for path in sources)
    said = re.sub(r"\"\s+f?\"", "", said)
    assert [line for line in quoted if line not in said] == ["WORKER TIMEOUT"]  # gunicorn's own
