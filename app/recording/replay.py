"""A recording as an upstream: it gives the recorded answers again, in their own time or at once.

    kiro2api replay RECORDING --port 9001

The recorded attempts are given in their order, one for each chat request, and the last one again
after that. Sign-in always succeeds, and the control plane knows no operation.
"""

import json
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

import click
import msgspec

from app.common.output import never_wait
from app.common.program import NAME

from .recorder import VERSION
from .streams import encoded

SIGNED_IN = {"accessToken": "aoa-replayed", "refreshToken": "aor-replayed", "expiresIn": 3600}


class ReplayError(Exception):
    """A file that is not a recording, or that has no answer of the upstream."""


def read(path: Path) -> list[dict[str, Any]]:
    """The attempts of a recording that have a response. Raises ReplayError and OSError."""
    try:
        document = msgspec.json.decode(path.read_bytes())
        version, attempts = document["version"], document["attempts"]
    except (ValueError, KeyError, TypeError):
        raise ReplayError(f"{path} is not a recording of {NAME}.") from None
    if version != VERSION:
        raise ReplayError(f"{path} has version {version}; this program reads version {VERSION}.")
    answered = [attempt for attempt in attempts if attempt["status"]]
    if not answered:
        raise ReplayError(f"{path} holds no response of the upstream: none was received.")
    return answered


class Replay(ThreadingHTTPServer):
    """Serves the attempts. ``at_once``: without the recorded pauses."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], attempts: Sequence[dict[str, Any]], *, at_once: bool
    ) -> None:
        super().__init__(address, _Handler)
        self.at_once = at_once
        self._attempts = attempts
        self._given = 0
        self._lock = Lock()

    @property
    def url(self) -> str:
        """The base URL, for ``KIRO_API_URL`` and ``KIRO_AUTH_URL``."""
        return f"http://{self.server_address[0]!s}:{self.server_address[1]}"

    def next_attempt(self) -> dict[str, Any]:
        """The attempt to give to the next chat request."""
        with self._lock:
            at, self._given = min(self._given, len(self._attempts) - 1), self._given + 1
        return self._attempts[at]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Replay

    def do_POST(self) -> None:
        """Chat, sign-in, or an operation that is not known."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = self.headers.get("X-Amz-Target", self.path).rpartition(".")[2]
        if operation.endswith(("GenerateAssistantResponse", "generateAssistantResponse")):
            self._give(self.server.next_attempt())
        elif self.path in ("/refreshToken", "/token"):
            self._json(200, SIGNED_IN)
        else:
            self._json(404, {"__type": "UnknownOperationException"})

    def do_GET(self) -> None:
        """The older hosts' control plane."""
        self._json(404, {"__type": "UnknownOperationException"})

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the gateway's log tells of each request."""

    def _give(self, attempt: dict[str, Any]) -> None:
        if attempt["status"] != 200:
            self._json(attempt["status"], attempt["refusal"], attempt["headers"])
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.amazon.eventstream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        frames = attempt["frames"]
        for pause, data in _chunks(frames, attempt["at"]):
            if not self.server.at_once:
                time.sleep(pause)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        if attempt["end"] == "whole":
            self.wfile.write(b"0\r\n\r\n")
            return
        self.close_connection = True  # what was broken off is broken off again
        if attempt["end"] == "closed":
            self.rfile.read(1)  # as silent as the service was, until the gateway closes

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        data = text.encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            if name.startswith("x-amzn") or name == "retry-after":
                self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _chunks(frames: Sequence[dict[str, Any]], began: float) -> Iterator[tuple[float, bytes]]:
    """Each frame with the pause before it, in seconds."""
    before = began
    for frame in frames:
        yield max(0.0, frame["at"] - before) / 1000, encoded(frame)
        before = frame["at"]


def add_to(group: click.Group) -> None:
    """Add the command."""

    @group.command()
    @click.argument("recording", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--port", default=9001, show_default=True, help="0 takes a free one.")
    @click.option("--at-once", is_flag=True, help="Without the recorded pauses.")
    def replay(recording: Path, port: int, at_once: bool) -> None:
        """Serve a recording (KIRO_RECORD_DIR) as the upstream, until Ctrl-C."""
        never_wait("stdout", "stderr")
        try:
            server = Replay(("127.0.0.1", port), read(recording), at_once=at_once)
        except (ReplayError, OSError) as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"Replaying {recording.name} at {server.url}. Start a gateway with")
        click.echo(
            f"  KIRO_API_URL={server.url} KIRO_AUTH_URL={server.url} KIRO_TOKEN_FILE= \\\n"
            f"  KIRO_TOKEN_CACHE=$(mktemp -d) AWS_REFRESHTOKEN=replay {NAME} serve"
        )
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()
