"""A real gateway for tests: gunicorn as it is shipped, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tests.live.processes import children

ROOT = Path(__file__).parents[2]
KEY = "test-key"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Gateway:
    """gunicorn with the project's own configuration, in front of the upstream at ``upstream``."""

    def __init__(
        self,
        upstream: str,
        work: Path,
        *arguments: str,
        program: str = "gunicorn",
        application: str = "wsgi:app",
        **settings: str,
    ) -> None:
        self.port = int(settings.get("PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = work / f"gateway-{self.port}.log"
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(work),
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "2",
            "KIRO_CLIENT_TOKEN": KEY,
            "AWS_REFRESHTOKEN": f"test-refresh-token-{self.port}".ljust(120, "x"),
            "KIRO_API_URL": upstream,
            "KIRO_AUTH_URL": upstream,
            "KIRO_OIDC_URL": upstream,
            "KIRO_TOKEN_CACHE": str(work / "tokens"),
            "KIRO_TOKEN_FILE": str(work / "no-such-token-file.json"),
            "LOG_FORMAT": "json",
        }
        self.settings = {name: value for name, value in (environ | settings).items() if value}
        command = ["-m", program, "-c", "gunicorn.conf.py", *arguments, application]
        self.process = self._start([sys.executable, *command])
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=self.settings, stdout=log, stderr=subprocess.STDOUT
            )

    def _wait_until_ready(self) -> None:
        """For all workers: one that has begun earlier answers ``/health`` already."""
        end = time.monotonic() + 30
        workers = int(self.settings["WEB_CONCURRENCY"])
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the gateway ended:\n{self.log_text()}")
            if self._is_healthy() and len(children(self.process.pid)) >= workers:
                return
            time.sleep(0.05)
        raise RuntimeError(f"the gateway did not start:\n{self.log_text()}")

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/health", timeout=2) as answer:
                answer.read()
        except OSError:
            return False
        return True

    def log_text(self) -> str:
        """All that it has written."""
        return self.log_path.read_text(errors="replace")

    def log_lines(self) -> list[Mapping[str, Any]]:
        """Its access log: one object for each finished request."""
        return [line for line in self.all_lines() if line["logger"] == "kiro2api.access"]

    def all_lines(self) -> list[Mapping[str, Any]]:
        """Everything it has logged, as objects."""
        lines = self.log_text().split("\n")  # JSON may hold other ends of lines
        return [msgspec.json.decode(line) for line in lines if line.startswith("{")]

    def wait_for_line(self, request_id: str, seconds: float = 5) -> Mapping[str, Any]:
        """The access log's line for a request; it is written just after the answer went out."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.log_lines():
                if line["request_id"] == request_id:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"no line for {request_id} in:\n{self.log_text()}")

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for what is left after a while."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
