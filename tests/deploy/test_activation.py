"""deploy/systemd's units as systemd runs them: the socket is given and outlives the service, the
variables are the unit's, and readiness is told. The service manager is this test, which follows
sd_listen_fds(3) and sd_notify(3), and once systemd's own ``systemd-socket-activate``.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.simulator import Simulator
from tests.live.servers import ROOT, free_port

KEY = "key-from-a-credential"
UNIT = (ROOT / "deploy" / "systemd" / "kiro2api.service").read_text()
SERVE = [sys.executable, "-m", "app", "serve"]
ACTIVATE = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Gives the socket as descriptor 3 to a program that takes this process over."""


class Manager:
    """What systemd does for the two units, with the directories of the host below ``work``."""

    def __init__(self, work: Path, upstream: str) -> None:
        self.state, self.log = work / "state", work / "journal"
        credentials = work / "credentials"
        (self.state / "login").mkdir(parents=True)
        credentials.mkdir()
        (credentials / "client-token").write_text(KEY + "\n")
        (credentials / "client-token").chmod(0o400)
        credentials.chmod(0o500)
        login = {"refreshToken": "activated".ljust(120, "x"), "authMethod": "social"}
        (self.state / "login" / "token.json").write_text(json.dumps(login))
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notices.bind(str(work / "notify"))
        self._notices.settimeout(0.2)
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "NOTIFY_SOCKET": str(work / "notify"),
            **variables(credentials, self.state),
            # what would be in /etc/kiro2api/environment
            **dict.fromkeys(("KIRO_API_URL", "KIRO_AUTH_URL", "KIRO_OIDC_URL"), upstream),
            "WEB_CONCURRENCY": "1",
        }
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self.port = self.listener.getsockname()[1]
        self.environment["PORT"] = str(self.port)

    def start(self) -> "subprocess.Popen[bytes]":
        """Start the service; returns when it has told that it is ready."""
        given = self.listener.fileno()
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", ACTIVATE, str(given), *SERVE],
                env=self.environment, cwd="/", stdout=log, stderr=log, pass_fds=(given,),
            )  # fmt: skip
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            try:
                if b"READY=1" in self._notices.recv(4096).split(b"\n"):
                    return process
            except TimeoutError:
                continue
        process.kill()
        process.wait()
        pytest.fail(f"it never told that it is ready:\n{self.log.read_text()}")

    def close(self) -> None:
        self.listener.close()
        self._notices.close()


def variables(credentials: Path, state: Path) -> dict[str, str]:
    """The unit's own, with the host's directories replaced."""
    found = re.findall(r"^Environment=(.+)$", UNIT, re.MULTILINE)
    pairs = [pair for line in found for pair in shlex.split(line)]
    assert "StateDirectory=kiro2api\n" in UNIT
    assert "LoadCredential=client-token:" in UNIT
    return {
        name: value.replace("%d", str(credentials)).replace("/var/lib/kiro2api", str(state))
        for name, _, value in (pair.partition("=") for pair in pairs)
    }


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def manager(upstream: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    manager = Manager(tmp_path_factory.mktemp("host"), upstream.url)
    yield manager
    manager.close()


@pytest.fixture
def service(manager: Manager) -> "Iterator[list[subprocess.Popen[bytes]]]":
    """A list with the running service, the last to be ended afterwards."""
    services = [manager.start()]
    yield services
    services[-1].terminate()
    services[-1].wait(40)


def health(port: int) -> bytes:
    """``/health`` on a connection of its own."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60) as answer:
        found: bytes = answer.read()
        return found


def ask(port: int, key: str) -> bytes:
    body = {"model": "claude-sonnet-4-5", "max_tokens": 64,
            "messages": [{"role": "user", "content": "hi"}]}  # fmt: skip
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/messages", json.dumps(body).encode(), {"x-api-key": key}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: bytes = answer.read()
        return found


class NewConnections:
    """Asks on one new connection after the other until told to stop."""

    def __init__(self, port: int) -> None:
        self._port, self._stop = port, threading.Event()
        self.answered, self.failed = 0, list[str]()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                assert health(self._port) == b"OK"
                self.answered += 1
            except (OSError, AssertionError) as error:
                self.failed.append(repr(error))
            time.sleep(0.01)

    def __enter__(self) -> "NewConnections":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_a_restart_refuses_no_connection(manager, service):
    with NewConnections(manager.port) as load:
        while not load.answered and not load.failed:
            time.sleep(0.01)
        before = load.answered
        service[0].send_signal(signal.SIGTERM)
        assert service[0].wait(40) == 0
        # nobody serves now: the kernel accepts, and keeps what is sent
        with socket.create_connection(("127.0.0.1", manager.port), timeout=60) as early:
            early.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            service.append(manager.start())
            assert early.recv(4096).startswith(b"HTTP/1.1 200 ")
        assert health(manager.port) == b"OK"
    assert load.failed == []
    assert load.answered > before


def test_the_variables_of_the_unit(manager, service):
    assert json.loads(ask(manager.port, KEY))["stop_reason"] == "end_turn"
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(manager.port, "123456")
    assert refused.value.code == 401
    refused.value.close()
    kept = {path.name for path in manager.state.rglob("*") if path.is_file()} - {"token.json"}
    assert kept, "the refreshed token is in StateDirectory="
    assert KEY not in manager.log.read_text()


def test_systemds_own_activation(manager, tmp_path):
    """The first connection starts the service and is answered."""
    program = shutil.which("systemd-socket-activate")
    if program is None:
        pytest.skip("systemd-socket-activate is not installed")
    port = free_port()
    given = manager.environment | {"PORT": str(port)}
    given.pop("NOTIFY_SOCKET")
    passed = [f"--setenv={name}={value}" for name, value in given.items()]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-l", f"127.0.0.1:{port}", *passed, *SERVE], stdout=log, stderr=log
        )
    try:
        for _ in range(500):
            try:
                assert health(port) == b"OK"
                break
            except urllib.error.URLError:  # it does not listen yet
                time.sleep(0.02)
        else:
            pytest.fail((tmp_path / "log").read_text())
    finally:
        process.terminate()
        process.wait(40)
