"""A log that nobody reads stops neither an answer nor a start; what is lost is counted."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.live.servers import KEY, ROOT, Gateway, free_port

REQUESTS = 2000
SLOWEST = 2.0
"""Seconds that one of these requests may take on a busy machine; a blocked log takes for ever."""

CTRL_S, CTRL_Q = b"\x13", b"\x11"


def ask_many(gateway: Gateway, count: int) -> float:
    """The longest of ``count`` requests that all have an access-log line, in seconds."""

    def some(number: int) -> float:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=15)
        slowest = 0.0
        with closing(connection):
            for _ in range(number):
                began = time.monotonic()
                connection.request("GET", "/v1/models", headers={"x-api-key": KEY})
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 200
                slowest = max(slowest, time.monotonic() - began)
        return slowest

    with ThreadPoolExecutor(8) as pool:
        return max(pool.map(some, [count // 8] * 8))


class Reader:
    """Reads a descriptor until it ends, from when it is told to."""

    def __init__(self, fd: int) -> None:
        self.data = bytearray()
        self._fd = fd

    def start(self) -> None:
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while more := os.read(self._fd, 65536):
                self.data += more
        except OSError:  # a terminal that its last process has closed
            pass

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in bytes(self.data).splitlines() if line]

    def dropped(self) -> int:
        whole = bytes(self.data).rpartition(b"\n")[0]
        return sum(json.loads(line).get("dropped", 0) for line in whole.splitlines() if line)

    def until(self, done: Callable[[], Any]) -> None:
        end = time.monotonic() + 10
        while not done():
            assert time.monotonic() < end, bytes(self.data[-2000:])
            time.sleep(0.05)

    def finish(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


class Unread(Gateway):
    """A gateway whose stdout and stderr are a descriptor of the test's."""

    def __init__(self, work: Path, output: int) -> None:
        self._output = output
        super().__init__("http://127.0.0.1:9", work)

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        out = self._output
        return subprocess.Popen(command, cwd=ROOT, env=self.settings, stdout=out, stderr=out)


class Closed(Gateway):
    """A gateway without stderr."""

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        return super()._start(["sh", "-c", 'exec "$@" 2>&-', "sh", *command])


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:  # a test has closed it
            continue


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    started: list[Gateway] = []

    def start(output: int) -> Gateway:
        started.append(Unread(tmp_path, output))
        return started[-1]

    yield start
    for gateway in started:
        gateway.stop()


def check_counted(reader: Reader) -> None:
    """Every request has a line, or is in the count; no line is damaged."""
    lines = reader.lines()
    requests = sum(line["logger"] == "kiro2api.access" for line in lines)
    dropped = sum(line.get("dropped", 0) for line in lines)
    assert dropped > 0
    assert REQUESTS <= requests + dropped <= REQUESTS + 50  # start-up, probes, the stop


def test_a_pipe_that_nobody_reads(start, pipe):
    out, into = pipe
    gateway = start(into)
    assert ask_many(gateway, REQUESTS) < SLOWEST
    assert os.get_blocking(into)  # other programs may write to it as well
    reader = Reader(out)
    reader.start()
    reader.until(reader.dropped)  # in a quiet gateway, without a further line
    gateway.stop()
    os.close(into)
    reader.finish()
    check_counted(reader)


def test_a_stop_beside_a_full_pipe(start, pipe):
    gateway = start(pipe[1])
    ask_many(gateway, REQUESTS)
    began = time.monotonic()
    gateway.stop()
    assert gateway.process.returncode == 0
    assert time.monotonic() - began < 10


def test_a_terminal_stopped_by_ctrl_s(start):
    out, into = pty.openpty()
    os.write(out, CTRL_S)
    try:
        gateway = start(into)
        assert ask_many(gateway, REQUESTS) < SLOWEST
        assert os.get_blocking(into)
        os.write(out, CTRL_Q)
        reader = Reader(out)
        reader.start()
        reader.until(reader.dropped)
        gateway.stop()
        os.close(into)
        reader.finish()
        check_counted(reader)
    finally:
        os.close(out)


def test_a_socket_that_nobody_reads(start):
    """As journald's is."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        gateway = start(theirs.fileno())
        assert ask_many(gateway, REQUESTS) < SLOWEST
        reader = Reader(ours.fileno())
        reader.start()
        reader.until(reader.dropped)
        gateway.stop()
        theirs.close()
        reader.finish()
        assert reader.lines()


def test_a_reader_that_has_gone(start, pipe):
    out, into = pipe
    gateway = start(into)
    os.close(out)
    assert ask_many(gateway, REQUESTS // 10) < SLOWEST
    gateway.stop()
    assert gateway.process.returncode == 0


def test_a_closed_stderr(tmp_path):
    """Its number is given to the next file that is opened, which must not get log lines."""
    log = tmp_path / "lines.log"
    gateway = Closed("http://127.0.0.1:9", tmp_path, LOG_FILE=str(log))
    try:
        assert ask_many(gateway, 80) < SLOWEST
    finally:
        gateway.stop()
    assert gateway.process.returncode == 0
    assert gateway.log_text() == ""
    assert log.read_text().count("kiro2api.access") >= 80


@pytest.mark.parametrize("command", ["serve", "simulate"])
def test_a_start_with_a_pipe_that_is_full_already(pipe, command, tmp_path):
    """As after a restart, when the log driver has stalled."""
    _, into = pipe
    fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 4096)
    os.write(into, b"x" * 4096)
    port = free_port()
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "app", command, "--port", str(port)],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=into,
        stderr=into,
    )
    try:
        end = time.monotonic() + 20
        path = {"serve": "/health", "simulate": "/__sim/stats"}[command]
        while not _answers(port, path):
            assert process.poll() is None
            assert time.monotonic() < end, "it does not start"
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with closing(connection):
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except OSError:
            return False
