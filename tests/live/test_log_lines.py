"""What the log says of a request: to programs as JSON, to a person as one short line."""

import os
import pty
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from app.simulator import Simulator
from tests.live.servers import KEY, ROOT, Gateway

AUTH = {"x-api-key": KEY}
BODY = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 99,
    "messages": [{"role": "user", "content": "Hello"}],
}
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class AtTerminal(Gateway):
    """A gateway whose stderr is a terminal; what it shows there is kept in the file of its log."""

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        ours, terminal = pty.openpty()
        process = subprocess.Popen(command, cwd=ROOT, env=self.settings, stderr=terminal)
        os.close(terminal)
        threading.Thread(target=self._keep, args=(ours,), daemon=True).start()
        return process

    def _keep(self, shown: int) -> None:
        with self.log_path.open("wb", buffering=0) as log:
            try:
                while data := os.read(shown, 65536):
                    log.write(data)
            except OSError:  # it has ended
                os.close(shown)

    def wait_for(self, pattern: str, seconds: float = 10) -> re.Match[str]:
        """The first match in what it shows."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := re.search(pattern, self.log_text(), re.MULTILINE):
                return found
            time.sleep(0.02)
        raise AssertionError(f"{pattern} is not in:\n{self.log_text()}")


@pytest.fixture(scope="module")
def terminal(
    simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AtTerminal]:
    work = tmp_path_factory.mktemp("terminal")
    running = AtTerminal(simulator.url, work, LOG_FORMAT="", LOG_FILE=str(work / "log.json"))
    yield running
    running.stop()


def post(gateway: Gateway, **headers: str) -> requests.Response:
    return requests.post(
        gateway.url + "/v1/messages", json=BODY, headers=AUTH | headers, timeout=20
    )


def test_a_person_gets_one_short_line_for_each_request(
    terminal: AtTerminal, upstream: Simulator
) -> None:
    assert post(terminal).status_code == 200
    line = terminal.wait_for(rf"^{MOMENT} 200 anthropic .*$").group().strip()
    assert re.fullmatch(
        rf"{MOMENT} 200 anthropic claude-sonnet-4-6 \d+/\d+ tokens [\d.]+ credits first \d\.\d\ds "
        r"total \d\.\d\ds key KIRO_CLIENT_TOKEN 127\.0\.0\.1 account [0-9a-f]{8}",
        line,
    )
    assert len(line) < 160


def test_a_line_says_what_failed_and_under_which_id(
    terminal: AtTerminal, upstream: Simulator
) -> None:
    answer = post(terminal, **{"x-api-key": "wrong", "x-request-id": "mine"})
    assert answer.status_code == 401
    line = terminal.wait_for(rf"^{MOMENT} 401 .*$").group().strip()
    assert "POST /v1/messages total" in line
    assert "request mine authentication: No valid client key" in line


def test_notices_of_the_server_bear_its_name(terminal: AtTerminal) -> None:
    assert terminal.wait_for(rf"^{MOMENT} INFO kiro2api\.server Starting kiro2api \d")
    assert terminal.wait_for(r"INFO kiro2api\.server Listening at: http://127\.0\.0\.1")
    assert "gunicorn.error" not in terminal.log_text()


def test_a_file_is_for_programs(terminal: AtTerminal, upstream: Simulator) -> None:
    post(terminal)
    text = Path(terminal.settings["LOG_FILE"]).read_text()
    assert all(line.startswith("{") for line in text.splitlines())


def test_a_trusted_proxy_names_the_client(gateway: Gateway, upstream: Simulator) -> None:
    answer = post(gateway, **{"X-Forwarded-For": "203.0.113.66, 198.51.100.9"})
    line = gateway.wait_for_line(answer.headers["x-request-id"])
    assert line["client"] == "198.51.100.9"
    assert (line["dialect"], line["model_asked"]) == ("anthropic", "claude-sonnet-4-6")
    assert line["end"] == "end_turn"


def test_a_trace_is_logged_and_passed_on(gateway: Gateway, upstream: Simulator) -> None:
    parent = f"00-{TRACE}-{SPAN}-01"
    with requests.Session() as session:  # one connection: its next request is of no trace
        session.headers.update(AUTH)
        for header in (parent, "not a trace"):
            answer = session.post(
                gateway.url + "/v1/messages", json=BODY, headers={"traceparent": header}, timeout=20
            )
            line = gateway.wait_for_line(answer.headers["x-request-id"])
            assert line.get("trace_id") == (TRACE if header == parent else None)
    sent = [one.headers.get("traceparent") for one in upstream.requests if one.operation]
    assert sent[-2:] == [parent, None]
