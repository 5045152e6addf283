"""The programs whose cost is measured: the gateway as shipped, and the floor."""

import hashlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import requests

from benchmarks.processes import cpu_seconds, memory
from benchmarks.rows.upstream import Upstream
from tests.credentials.redis_server import RedisServer
from tests.live.processes import children
from tests.live.servers import KEY, ROOT, Gateway, free_port

MAX_STREAMS = 2000
STARTS_WITHIN = 300.0
"""Seconds: a command that counts what a server does makes it slow."""
MINUTE_LIMIT = 10_000_000
"""Requests per minute of a key with a limit that no load reaches."""


class Server(NamedTuple):
    """A running server; ``master`` is the process id of gunicorn's master."""

    port: int
    master: int

    @property
    def workers(self) -> list[int]:
        """The process ids of its workers."""
        return children(self.master)

    def cpu(self) -> float:
        """CPU seconds that its workers have used."""
        return sum(map(cpu_seconds, self.workers))

    def pss(self) -> int:
        """Bytes of its workers' memory."""
        return sum(memory(worker).pss for worker in self.workers)


class Start(Protocol):
    """Starts a server in front of the upstream, in a directory of its own, and stops it."""

    def __call__(self, upstream: Upstream, work: Path, /) -> AbstractContextManager[Server]: ...


class CannotStart(Exception):
    """Why a server cannot be measured on this machine."""


class _Within(Gateway):
    """A gateway that is run by ``command``, and is ready when it has answered."""

    command: Sequence[str] = ()

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        return super()._start([*self.command, *command])

    def _wait_until_ready(self) -> None:
        _wait(self.port, self.process, "/health")


def gateway(within: Sequence[str] = (), application: str = "wsgi:app", **settings: str) -> Start:
    """Return what starts the gateway as shipped, but with one worker and these settings.

    ``within``: a command that runs it.
    """

    @contextmanager
    def start(upstream: Upstream, work: Path) -> Iterator[Server]:
        kind = type("Running", (_Within,), {"command": within})
        chosen = environment(upstream) | settings
        running = kind(upstream.url, work, application=application, **chosen)
        try:
            yield Server(running.port, running.process.pid)
        finally:
            running.stop()

    return start


def environment(upstream: Upstream) -> dict[str, str]:
    """Return the settings of every gateway in front of the upstream."""
    return {
        "WEB_CONCURRENCY": "1",
        "KIRO_MAX_STREAMS": str(MAX_STREAMS),
        "SSL_CERT_FILE": upstream.authority,
        "PYTHONHASHSEED": "0",
    }


def floor_within(within: Sequence[str] = ()) -> Start:
    """Return what starts the floor with one worker, where gunicorn finds no configuration."""

    @contextmanager
    def start(upstream: Upstream, work: Path) -> Iterator[Server]:
        port = free_port()
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": "0",
            "UPSTREAM": upstream.url,
            "FLOOR_KEY": KEY,
            **({"FLOOR_CA": upstream.authority} if upstream.authority else {}),
        }
        command = [
            *(*within, sys.executable, "-m", "gunicorn", "-k", "gevent", "-w", "1"),
            *("--bind", f"127.0.0.1:{port}", "--worker-connections", "2000", "--keep-alive", "75"),
            *("--backlog", "4096", "--no-control-socket", "--log-level", "warning"),
            *("--http-parser", "python", "benchmarks.floors.messages:app"),
        ]
        with (work / "floor.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=work, env=environ, stdout=log, stderr=log)
        try:
            _wait(port, process, "/")
            yield Server(port, process.pid)
        finally:
            process.terminate()
            process.wait()

    return start


floor = floor_within()


def _wait(port: int, process: subprocess.Popen[bytes], path: str) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
                answer.read()
                return
        except OSError:
            time.sleep(0.05)
    raise CannotStart(f"the server at port {port} did not start")


def own_key(*, limited: bool) -> Start:
    """Return what starts the gateway with a key of the key file: ``limited`` to some requests a
    minute, which are counted in Redis."""

    @contextmanager
    def start(upstream: Upstream, work: Path) -> Iterator[Server]:
        key: dict[str, Any] = {"name": "bench", "sha256": hashlib.sha256(KEY.encode()).hexdigest()}
        settings = {"KIRO_CLIENT_TOKEN": "the-key-of-the-owner"}
        redis = None
        if limited:
            if not RedisServer.is_installed():
                raise CannotStart("redis-server is not installed")
            key["requests_per_minute"] = MINUTE_LIMIT
            redis = RedisServer(work)
            settings["KIRO_TOKEN_STORE"] = redis.url
        (work / "keys.json").write_text(json.dumps({"keys": [key]}), encoding="utf-8")
        settings["KIRO_CLIENT_KEYS_FILE"] = str(work / "keys.json")
        try:
            with gateway(**settings)(upstream, work) as server:
                yield server
        finally:
            if redis:
                redis.stop()

    return start


@contextmanager
def recorded(upstream: Upstream, work: Path) -> Iterator[Server]:
    """Start the gateway with a record of every exchange."""
    kept = work / "recordings"
    kept.mkdir()
    with gateway(KIRO_RECORD_DIR=str(kept), KIRO_RECORD="all")(upstream, work) as server:
        yield server


@contextmanager
def looked_at(upstream: Upstream, work: Path) -> Iterator[Server]:
    """Start the gateway, and keep its page open as a browser does."""
    with gateway()(upstream, work) as server, requests.Session() as browser:
        page = f"http://127.0.0.1:{server.port}/dashboard"
        browser.post(f"{page}/login", data={"key": KEY}, timeout=20).raise_for_status()
        with browser.get(f"{page}/live", stream=True, timeout=20) as events:
            events.raise_for_status()
            yield server
