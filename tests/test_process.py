"""Start, reload and stop through real processes: what an operator sees on the terminal."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
GUNICORN = ("-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app")
SERVE = ("-m", "app", "serve")
LOGIN = {"AWS_REFRESHTOKEN": "canary-" * 30}
MARK = "TEST_MARK"
STOPS_WITHIN = 12
"""Seconds; a stop with a worker that does not answer takes 30, KIRO_GRACEFUL_TIMEOUT."""

SLOW_START = f"""
exec(open({str(ROOT / "gunicorn.conf.py")!r}).read())
import time
from pathlib import Path

original = globals().get({{moment!r}}, lambda *args: None)

def {{moment}}({{arguments}}):
    original({{arguments}})
    Path({{reached!r}}).touch()
    time.sleep(1)
"""
"""The configuration, with a pause in one of its hooks."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def take_terminal(nohup: bool) -> None:
    """Make stdin the terminal of a new session, as a shell's is, for Ctrl-C and for hanging up. The
    tests may run under nohup themselves, which would be inherited.
    """
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN if nohup else signal.SIG_DFL)


class Running:
    """A process in a terminal of its own, what it says, and every process it left behind."""

    def __init__(
        self,
        work: Path,
        *args: str,
        fds: tuple[int, ...] = (),
        nohup: bool = False,
        **environ: str,
    ) -> None:
        self.port = free_port()
        self.mark = uuid.uuid4().hex
        self.output = work / f"{self.mark}.log"
        base = {
            "PATH": os.environ["PATH"],
            "HOME": str(work),
            "PYTHONPATH": str(ROOT),
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
            MARK: self.mark,
        }
        self.terminal, terminal = pty.openpty()
        with self.output.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, *args],
                cwd=ROOT if args[:3] == SERVE else work,
                env=base | environ,
                stdout=sink,
                stderr=subprocess.STDOUT,
                pass_fds=fds,
                stdin=terminal,
                start_new_session=True,
                preexec_fn=partial(take_terminal, nohup),
            )
        os.close(terminal)

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def until(self, done: Callable[[], Any], seconds: float = 20) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := done():
                return found
            time.sleep(0.02)
        raise AssertionError(f"it did not come to that; the process said:\n{self.text()}")

    def ended(self) -> int:
        """Its exit status, once every process it started is gone as well."""
        self.until(lambda: self.process.poll() is not None)
        self.until(lambda: not list(self.relatives()))
        return self.process.returncode

    def relatives(self) -> Iterator[int]:
        """The processes that inherited its environment."""
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if f"{MARK}={self.mark}".encode() in path.read_bytes():
                    yield int(path.parent.name)
            except OSError:  # it ended meanwhile
                continue

    def healthy(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"it ended:\n{self.text()}")
        return self.answers()

    def answers(self) -> bool:
        """Whether somebody does, if not the process that was started."""
        try:
            url = f"http://127.0.0.1:{self.port}/health"
            return urllib.request.urlopen(url, timeout=5).read() == b"OK"
        except OSError:
            return False

    def close_terminal(self) -> None:
        if self.terminal >= 0:
            os.close(self.terminal)
            self.terminal = -1

    def kill(self) -> None:
        self.close_terminal()
        for pid in self.relatives():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*args: str, **options: Any) -> Running:
        started.append(Running(tmp_path, *args, **options))
        return started[-1]

    yield start
    for running in started:
        running.kill()


def refused(running: Running) -> str:
    """What it said; it must have stopped by itself, in an orderly way and before serving."""
    assert running.ended() not in (0, -signal.SIGKILL)
    assert "Traceback" not in running.text()
    assert "Booting worker" not in running.text()
    assert running.text().count("kiro2api cannot start") == 1
    return running.text()


class TestRefusedStart:
    @pytest.mark.parametrize("command", [GUNICORN, SERVE], ids=["gunicorn", "serve"])
    def test_every_wrong_setting_is_told(self, start, command):
        said = refused(start(*command, PORT="x", KIRO_PING_INTERVAL="never", **LOGIN))
        assert "PORT: found 'x' in the environment, allowed: a whole number" in said
        assert "KIRO_PING_INTERVAL: found 'never'" in said

    def test_without_credential_one_line_tells_the_ways_to_give_one(self, start):
        *_, said = refused(start(*GUNICORN)).splitlines()
        assert said.startswith("kiro2api cannot start: There is no usable credential")
        for way in ("KIRO_API_KEY", "KIRO_AUTH_TOKEN", "AWS_REFRESHTOKEN", "kiro2api login"):
            assert way in said

    @pytest.mark.parametrize("command", [GUNICORN, SERVE], ids=["gunicorn", "serve"])
    def test_a_wrong_credential_is_never_replaced_by_the_simulator(self, start, command):
        said = refused(start(*command, KIRO_AUTH_TOKEN="{canary"))
        assert "SIMULATOR" not in said
        assert "canary" not in said
        assert "KIRO_AUTH_TOKEN" in said

    @pytest.mark.parametrize(
        ("content", "problem"), [(None, "keys add` creates it"), ("{", "truncated")]
    )
    def test_client_keys_that_cannot_be_read(self, start, tmp_path, content, problem):
        path = tmp_path / "keys.json"
        if content is not None:
            path.write_text(content)
        said = refused(start(*GUNICORN, KIRO_CLIENT_KEYS_FILE=str(path), **LOGIN))
        assert f"KIRO_CLIENT_KEYS_FILE: {path}" in said
        assert problem in said

    @pytest.mark.parametrize("key", ["", "123456"])
    def test_default_key_on_every_address(self, start, key):
        said = refused(start(*GUNICORN, HOST="0.0.0.0", KIRO_CLIENT_TOKEN=key, **LOGIN))
        assert "KIRO_CLIENT_TOKEN: found 123456" in said

    def test_default_key_on_an_address_given_to_gunicorn(self, start):
        assert "listening on 0.0.0.0" in refused(start(*GUNICORN, "-b", "0.0.0.0:0", **LOGIN))

    def test_default_key_on_an_address_given_to_serve(self, start):
        said = refused(start(*SERVE, "--host", "0.0.0.0", HOST="127.0.0.1", **LOGIN))
        assert "listening on 0.0.0.0" in said

    def test_default_key_on_an_inherited_socket(self, start):
        with socket.create_server(("0.0.0.0", 0)) as inherited:
            fd = inherited.fileno()
            said = refused(start(*GUNICORN, "-b", f"fd://{fd}", fds=(fd,), **LOGIN))
        assert "listening on 0.0.0.0" in said

    @pytest.mark.parametrize("args", [["-k", "sync"], ["-k", "gevent"], ["--preload"]])
    def test_another_configuration(self, start, tmp_path, args):
        (tmp_path / "other.py").write_text("")
        running = start("-m", "gunicorn", *args, "-c", "other.py", "wsgi:app", **LOGIN)
        assert running.ended() == 4
        assert "use gunicorn -c gunicorn.conf.py wsgi:app" in running.text()


class TestAddress:
    """An address that cannot be served is one line, before anything else is printed."""

    COMMANDS = pytest.mark.parametrize("command", [GUNICORN, SERVE], ids=["gunicorn", "serve"])

    @COMMANDS
    def test_a_port_in_use(self, start, command):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            said = refused(start(*command, PORT=str(port), **LOGIN))
        what = f"127.0.0.1:{port} is in use; stop that program or set PORT\n"
        assert said.endswith(f"kiro2api cannot start: {what}")
        assert "Retrying" not in said
        assert "curl" not in said

    @pytest.mark.parametrize(
        ("command", "host"), [(GUNICORN, "192.0.2.1"), (SERVE, "no-host.invalid")]
    )
    def test_a_foreign_address(self, start, command, host):
        said = refused(start(*command, HOST=host, KIRO_CLIENT_TOKEN="my own", **LOGIN))
        assert re.search(rf"cannot start: HOST: '?{host}'? (is not an address|cannot be)", said)
        assert "127.0.0.1" in said
        assert "curl" not in said

    def test_the_simulator_has_the_same_words(self, start):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            running = start("-m", "app", "simulate", "--port", str(port))
            assert running.ended() == 1
        what = f"127.0.0.1:{port} is in use; stop that program or set --port"
        assert running.text() == f"the simulator cannot start: {what}\n"

    @pytest.mark.parametrize(
        "environ",
        [
            {"KIRO_AUTH_TOKEN": "/no/file"},
            {"KIRO_CLIENT_KEYS_FILE": "/no/keys"},
        ],
        ids=str,
    )
    def test_serve_says_what_is_wrong_before_its_banner(self, start, environ):
        said = refused(start(*SERVE, **{**LOGIN, **environ}))
        assert said.startswith("kiro2api cannot start: ")
        assert next(iter(environ)) in said.splitlines()[0]

    def test_a_token_file_that_was_named_is_missed(self, start):
        said = refused(start(*SERVE, KIRO_TOKEN_FILE="/no/token"))
        assert "KIRO_TOKEN_FILE: there is no /no/token" in said.splitlines()[0]

    def test_a_variable_that_is_empty_and_hides_the_file_is_named(self, start, tmp_path):
        (tmp_path / ".env").write_text(f"AWS_REFRESHTOKEN={LOGIN['AWS_REFRESHTOKEN']}\n")
        said = refused(start(*GUNICORN, AWS_REFRESHTOKEN=""))
        assert "AWS_REFRESHTOKEN is empty in the environment, which hides .env line 1" in said

    @pytest.mark.parametrize(
        ("environ", "status", "problem"),
        [
            (LOGIN, 0, ""),
            ({}, 1, "There is no usable credential"),
            ({**LOGIN, "HOST": "0.0.0.0"}, 1, "KIRO_CLIENT_TOKEN: found 123456"),
        ],
    )
    def test_gunicorn_checks_its_configuration(self, start, environ, status, problem):
        running = start(*GUNICORN, "--check-config", **environ)
        assert running.ended() == status
        assert problem in running.text()
        assert "Traceback" not in running.text()


class TestServing:
    def test_redis_that_is_away_is_no_traceback(self, start):
        """Its thread in the master must end before the workers are forked."""
        running = start(*GUNICORN, KIRO_TOKEN_STORE="redis://127.0.0.1:9/0", **LOGIN)
        running.until(running.healthy)
        running.process.send_signal(signal.SIGTERM)
        assert running.ended() == 0
        assert "KIRO_TOKEN_STORE cannot be used" in running.text()
        assert "Traceback" not in running.text()

    def test_log_lines_and_secrets(self, start):
        running = start(*GUNICORN, LOG_LEVEL="debug", KIRO_CLIENT_TOKEN="canary", **LOGIN)
        running.until(running.healthy)
        running.process.send_signal(signal.SIGTERM)
        assert running.ended() == 0
        lines = [json.loads(line) for line in running.text().splitlines()]
        assert all(line.keys() >= {"time", "level", "logger", "message"} for line in lines)
        assert "canary" not in running.text()

    def test_default_key_on_a_unix_socket(self, start, tmp_path):
        path = tmp_path / "s"
        running = start(*GUNICORN, "-b", f"unix:{path}", LOG_FORMAT="text", **LOGIN)

        def answered() -> bool:
            connection = http.client.HTTPConnection("localhost")
            connection.sock = socket.socket(socket.AF_UNIX)
            try:
                connection.sock.connect(str(path))
            except OSError:
                return False
            connection.request("GET", "/health")
            return connection.getresponse().status == 200

        running.until(answered)
        assert len(re.findall("WARNING .*set KIRO_CLIENT_TOKEN", running.text())) == 1

    def test_settings_reach_the_process_model(self, start, tmp_path):
        log = tmp_path / "app.log"
        environ = {"WEB_CONCURRENCY": "2", "LOG_FILE": str(log), "DEBUG": "1", **LOGIN}
        for _ in range(2):
            running = start(*GUNICORN, **environ)
            running.until(running.healthy)
            running.process.send_signal(signal.SIGTERM)
            running.ended()
        messages = [json.loads(line)["message"] for line in log.read_text().splitlines()]
        assert sum(message.startswith("Booting worker") for message in messages) == 4
        assert sum(message.startswith("DEBUG (in the environment)") for message in messages) == 2

    @pytest.mark.parametrize(
        ("moment", "arguments"),
        [
            ("pre_fork", "server, worker"),
            ("post_fork", "server, worker"),
            ("post_worker_init", "worker"),
        ],
    )
    def test_a_stop_while_a_worker_starts_takes_no_longer(self, start, tmp_path, moment, arguments):
        """Before the fork the master has the signal handlers; after it, the worker still has the
        master's; at last it has its own.
        """
        reached = tmp_path / "reached"
        slow = SLOW_START.format(moment=moment, arguments=arguments, reached=str(reached))
        (tmp_path / "slow.py").write_text(slow)
        running = start("-m", "gunicorn", "-c", "slow.py", "wsgi:app", **LOGIN)
        running.until(reached.exists)
        running.process.send_signal(signal.SIGTERM)
        running.until(lambda: running.process.poll() is not None, seconds=STOPS_WITHIN)
        assert running.ended() == 0
        assert "SIGKILL" not in running.text()

    def test_reload_keeps_the_former_settings_if_the_new_are_wrong(self, start, tmp_path):
        (tmp_path / ".env").write_text("LOG_FORMAT=text\n")
        running = start(*GUNICORN, **LOGIN)
        running.until(running.healthy)
        (tmp_path / ".env").write_text("LOG_FORMAT=xml\n")
        running.process.send_signal(signal.SIGHUP)
        running.until(lambda: running.text().count("Booting worker") == 2)
        assert "not reloaded, the former settings stay" in running.text()
        assert "LOG_FORMAT: found 'xml'" in running.text()
        running.until(running.healthy)

    @pytest.mark.parametrize("command", [GUNICORN, SERVE], ids=["gunicorn", "serve"])
    def test_a_second_master_takes_over(self, start, command):
        """SIGUSR2, then SIGTERM to the first, however it was started."""
        running = start(*command, nohup=True, LOG_FORMAT="text", **LOGIN)
        running.until(running.healthy)
        running.process.send_signal(signal.SIGUSR2)
        running.until(lambda: running.text().count("Booting worker") == 2)
        running.process.send_signal(signal.SIGTERM)
        running.until(lambda: running.process.poll() == 0)
        running.until(running.answers)

    def test_nohup_outlives_its_terminal(self, start):
        running = start(*GUNICORN, nohup=True, **LOGIN)
        running.until(running.healthy)
        running.close_terminal()
        running.until(lambda: running.text().count("Booting worker") == 2)
        running.until(running.healthy)

    def test_reload_to_an_exposed_default_key_stops(self, start, tmp_path):
        (tmp_path / ".env").write_text("KIRO_CLIENT_TOKEN=my own\n")
        running = start(*GUNICORN, HOST="0.0.0.0", LOG_FORMAT="text", **LOGIN)
        running.until(running.healthy)
        (tmp_path / ".env").write_text("")
        running.process.send_signal(signal.SIGHUP)
        assert running.ended() == 1
        assert "KIRO_CLIENT_TOKEN: found 123456" in running.text()


def ask(running: Running, *, stream: bool) -> bytes:
    body = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 64,
        "stream": stream,
        "messages": [{"role": "user", "content": "Hello"}],
    }
    headers = {"content-type": "application/json", "x-api-key": "123456"}
    url = f"http://127.0.0.1:{running.port}/v1/messages"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


class TestSimulated:
    @pytest.fixture
    def running(self, start, tmp_path):
        (tmp_path / "tmp").mkdir()
        environ = {"KIRO_UPSTREAM_PROXY": "http://127.0.0.1:9", "TMPDIR": str(tmp_path / "tmp")}
        running = start(*SERVE, **environ)
        running.until(running.healthy)
        return running

    def test_a_newcomer_is_answered(self, running):
        banner = running.text()
        assert "every answer comes from a SIMULATOR" in banner
        assert "1 login(s) (the simulator)" in running.text()
        assert f"export ANTHROPIC_BASE_URL=http://127.0.0.1:{running.port}\n" in banner
        assert 'export ANTHROPIC_AUTH_TOKEN="123456"\n' in banner
        assert f"curl -N http://127.0.0.1:{running.port}/v1/messages" in banner
        assert json.loads(ask(running, stream=False))["content"][0]["text"]
        assert b"event: message_stop" in ask(running, stream=True)

    @pytest.mark.parametrize("end", ["Ctrl-C", "closed terminal", "SIGTERM", "SIGKILL"])
    def test_nothing_is_left(self, running, end, tmp_path):
        assert len(list(running.relatives())) == 3  # master, worker, simulator
        if end == "Ctrl-C":
            os.write(running.terminal, b"\x03")
        elif end == "closed terminal":
            running.close_terminal()
        else:
            running.process.send_signal(signal.Signals[end])
        assert running.ended() == (-signal.SIGKILL if end == "SIGKILL" else 0)
        assert list((tmp_path / "tmp").iterdir()) == []
        assert "Traceback" not in running.text()

    def test_ctrl_c_while_it_starts(self, start):
        running = start(*SERVE)
        running.until(lambda: "Other clients" in running.text())
        for _ in range(5):  # the first may come before anybody listens to it
            os.write(running.terminal, b"\x03")
            time.sleep(0.3)
        running.ended()
        assert "Traceback" not in running.text()

    def test_simulator_alone(self, start):
        running = start("-m", "app", "simulate", "--port", "0")
        pattern = r"simulator ready on (http://127\.0\.0\.1:\d+)"
        url = running.until(lambda: re.search(pattern, running.text()))[1]
        assert b"active" in urllib.request.urlopen(f"{url}/__sim/stats", timeout=5).read()
        running.process.send_signal(signal.SIGINT)
        assert running.ended() == 0
