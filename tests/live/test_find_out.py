"""What a person who knows nothing of the project asks in a shell: which login is dead, and what to
set in the client.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.simulator import Simulator
from tests.live.servers import ROOT, Gateway

ASK = """\
import json, os, urllib.request
message = {"role": "user", "content": "Hi"}
body = {"model": "claude-opus-5-5", "max_tokens": 64, "messages": [message]}
headers = {"authorization": "Bearer " + os.environ["ANTHROPIC_AUTH_TOKEN"]}
headers["content-type"] = "application/json"
url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
answer = urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers))
print(json.load(answer)["type"])
"""


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    work = tmp_path_factory.mktemp("gateway")
    (work / "key").write_text("a key of 'mine'\n")
    running = Gateway(
        simulator.url, work, KIRO_CLIENT_TOKEN="", KIRO_CLIENT_TOKEN_FILE=str(work / "key")
    )
    yield running
    running.stop()


def shell(gateway: Gateway, line: str, work: Path) -> subprocess.CompletedProcess[str]:
    """What a shell says in which ``kiro2api`` and ``python`` are this program and this Python."""
    commands = work / "bin"
    commands.mkdir(exist_ok=True)
    for name, rest in (("kiro2api", "-m app"), ("python", "")):
        script = commands / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {rest} "$@"\n')
        script.chmod(0o755)
    environ = {**gateway.settings, "PYTHONPATH": str(ROOT)}
    environ["PATH"] = f"{commands}:{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", line], cwd=work, env=environ, capture_output=True, text=True, check=False
    )


def test_what_to_set_in_the_client(gateway: Gateway, tmp_path: Path) -> None:
    """The lines that are printed, pasted into a shell."""
    (tmp_path / "ask.py").write_text(ASK)
    printed = shell(gateway, "kiro2api client claude-code", tmp_path).stdout
    assert "a key of" not in printed
    lines = [line for line in printed.splitlines() if line.startswith("export ")]
    assert len(lines) == 2
    pasted = shell(gateway, "\n".join([*lines, "python ask.py"]), tmp_path)
    assert pasted.stdout == "message\n", pasted.stderr


def test_which_login_is_dead(gateway: Gateway, simulator: Simulator, tmp_path: Path) -> None:
    logins = [{"refreshToken": name * 20, "description": name} for name in ("alive", "gone!")]
    simulator.configure_tokens(dead=["gone!" * 20])
    (tmp_path / "logins.json").write_text(json.dumps(logins))
    line = "KIRO_AUTH_TOKEN=logins.json KIRO_TOKEN_CACHE=cache kiro2api accounts --check"
    told = shell(gateway, line, tmp_path)
    assert told.returncode == 1
    rows = {row.split("(")[-1].split(")")[0]: row for row in told.stdout.splitlines()[1:3]}
    assert "ready" in rows["alive"]
    assert "login over" in rows["gone!"]
    assert "log in again" in told.stdout
