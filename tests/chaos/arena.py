"""What a fault is tried on: gunicorn with two workers, the simulated upstream, a proxy between."""

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from app.simulator import Simulator
from app.simulator.answers.script import CHAT
from app.simulator.service.request_log import LoggedRequest
from tests.chaos.proxy import Proxy
from tests.chaos.received import Dialect, Heard
from tests.live.servers import Gateway

PATIENCE = 30.0
"""Seconds that a client waits for anything: longer than whatever is tried."""


class Asking:
    """One request under way, on a connection of its own."""

    def __init__(
        self, port: int, dialect: Dialect, prompt: str, *, stream: bool, request_id: str
    ) -> None:
        self.dialect = dialect
        self.stream = stream
        self.heard = Heard()
        self.data = bytearray()
        self.started = time.monotonic()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._connection.connect()
        self.socket: socket.socket = self._connection.sock
        headers = dialect.headers() | {"x-request-id": request_id}
        self._connection.request("POST", dialect.path, dialect.body(prompt, stream=stream), headers)
        self._response: http.client.HTTPResponse | None = None

    def head(self) -> Heard:
        """Wait for status and headers."""
        if self._response is None:
            self._response = self._connection.getresponse()
            self.heard.status = self._response.status
            self.heard.headers = self._response.headers
            self.heard.waited = time.monotonic() - self.started
        return self.heard

    def until(self, piece: bytes) -> None:
        """Read until the body holds this."""
        self.head()
        assert self._response
        while piece not in self.data:
            more = self._response.read1()
            assert more, f"the answer ended without {piece!r}: {self.data[-300:]!r}"
            self.data += more

    def hear(self) -> Heard:
        """Read to the end, and say what a client of the dialect understands."""
        try:
            self.head()
            assert self._response
            while more := self._response.read1():
                self.data += more
        except (http.client.HTTPException, ConnectionError):
            self.heard.whole = False
        self._connection.close()
        return self.understood()

    def hear_slowly(self, size: int, *, pause: float) -> Heard:
        """The same with a pause after every ``size`` bytes."""
        self.head()
        assert self._response
        while more := self._response.read(size):
            self.data += more
            time.sleep(pause)
        return self.understood()

    def understood(self) -> Heard:
        """What was heard so far."""
        if self._response is None:
            return self.heard
        if self.heard.status != 200:
            self.dialect.read_error(bytes(self.data), self.heard)
        elif self.stream:
            self.dialect.read_stream(bytes(self.data), self.heard)
        elif self.heard.whole:
            self.dialect.read_whole(bytes(self.data), self.heard)
        return self.heard

    def leave(self, *, reset: bool = False) -> float:
        """Close the connection; when (seconds since the epoch)."""
        if reset:
            linger = struct.pack("ii", 1, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        left = time.time()
        if not reset:
            self.socket.shutdown(socket.SHUT_RDWR)
        if self._response is not None:
            self._response.close()
        self._connection.close()
        self.socket.close()
        return left


class Arena:
    """A gateway in front of the proxy in front of the simulator; a context manager."""

    def __init__(self, work: Path, *, application: str = "wsgi:app", **settings: str) -> None:
        self._work = work
        self._application = application
        self._settings = settings
        self._lock = threading.Lock()
        self._read = 0
        self._lines: dict[str, Mapping[str, Any]] = {}

    def __enter__(self) -> Self:
        self.simulator = Simulator(log_limit=100_000).start()
        self.proxy = Proxy(self.simulator.port).__enter__()
        try:
            self.gateway = Gateway(
                self.proxy.url,
                self._work,
                application=self._application,
                **{"KIRO_AUTH_URL": self.simulator.url, **self._settings},
            )
        except BaseException:
            self.simulator.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.gateway.stop()
        self.proxy.__exit__()
        self.simulator.stop()

    def script(self, mark: str, *answers: Mapping[str, Any]) -> None:
        """What requests with this mark in their prompt are answered, one after the other; the last
        one again and again."""
        *first, last = answers
        match = {"match": {"text": mark}}
        forms = [{**answer, **match} for answer in first]
        self.simulator.script(*forms, {**last, **match, "times": None})

    def ask(self, dialect: Dialect, mark: str, *, stream: bool, padding: int = 0) -> Asking:
        """Send a request whose prompt and id are the mark."""
        prompt = mark + " " + "x" * padding
        return Asking(self.gateway.port, dialect, prompt, stream=stream, request_id=mark)

    def chats(self, mark: str) -> list[LoggedRequest]:
        """What the upstream was asked with this mark."""
        return [seen for seen in self.simulator.requests if _is_of(seen, mark)]

    def await_chat(self, mark: str, done: Any = lambda seen: True) -> LoggedRequest:
        """The first such request that is ``done``; waits for it."""
        found: LoggedRequest | None = self.simulator.wait_for(
            lambda all_seen: next(
                (seen for seen in all_seen if _is_of(seen, mark) and done(seen)), None
            )
        )
        assert found, f"the upstream never saw it: {self.chats(mark)}"
        return found

    def line(self, mark: str, timeout: float = 5.0) -> Mapping[str, Any]:
        """The access log's line of a request, which is written when its answer is over."""
        end = time.monotonic() + timeout
        while True:
            with self._lock:
                self._read_log()
            if mark in self._lines:
                return self._lines[mark]
            assert time.monotonic() < end, f"no line in the log for {mark}"
            time.sleep(0.01)

    def _read_log(self) -> None:
        with self.gateway.log_path.open("rb") as log:
            log.seek(self._read)
            data = log.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for text in whole.splitlines():
            entry = json.loads(text)
            if entry.get("logger") == "kiro2api.access":
                self._lines[entry["request_id"]] = entry


def _is_of(seen: LoggedRequest, mark: str) -> bool:
    if seen.operation != CHAT or not isinstance(seen.body, dict):
        return False
    message = seen.body["conversationState"]["currentMessage"]["userInputMessage"]
    return mark in str(message["content"])
