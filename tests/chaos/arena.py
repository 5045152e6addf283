"""The set-up for faults: gunicorn with two workers, the simulated upstream, a proxy in between."""

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
from tests.chaos.received import DialectClient, ReceivedAnswer
from tests.live.servers import Gateway

PATIENCE = 30.0
"""Seconds that a client waits for data: longer than any delay in the suite."""


class PendingRequest:
    """One request in progress, on its own connection."""

    def __init__(
        self,
        port: int,
        dialect: DialectClient,
        prompt: str,
        *,
        stream: bool,
        request_id: str,
        limit: str = "",
    ) -> None:
        self.dialect = dialect
        self.stream = stream
        self.answer = ReceivedAnswer()
        self.data = bytearray()
        self.started = time.monotonic()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._connection.connect()
        self.socket: socket.socket = self._connection.sock
        headers = dialect.headers() | {"x-request-id": request_id}
        body = dialect.body(prompt, stream=stream)
        if limit:
            body = json.dumps(json.loads(body) | dialect.limits[limit]).encode()
        self._connection.request("POST", dialect.path, body, headers)
        self._response: http.client.HTTPResponse | None = None

    def read_head(self) -> ReceivedAnswer:
        """Wait for status and headers."""
        if self._response is None:
            self._response = self._connection.getresponse()
            self.answer.status = self._response.status
            self.answer.headers = {
                name.lower(): value for name, value in self._response.headers.items()
            }
            self.answer.waited = time.monotonic() - self.started
        return self.answer

    def read_until(self, piece: bytes) -> None:
        """Read until the body contains ``piece``."""
        self.read_head()
        assert self._response
        while piece not in self.data:
            more = self._response.read1()
            assert more, f"the answer ended without {piece!r}: {self.data[-300:]!r}"
            self.data += more

    def read_all(self) -> ReceivedAnswer:
        """Read the whole response, and return the answer as a client of the dialect reads it."""
        try:
            self.read_head()
            assert self._response
            while more := self._response.read1():
                self.data += more
        except (http.client.HTTPException, ConnectionError):
            self.answer.whole = False
        self._connection.close()
        return self.parsed()

    def read_slowly(self, size: int, *, pause: float) -> ReceivedAnswer:
        """Do the same, with a pause after every ``size`` bytes."""
        self.read_head()
        assert self._response
        while more := self._response.read(size):
            self.data += more
            time.sleep(pause)
        return self.parsed()

    def parsed(self) -> ReceivedAnswer:
        """Return the answer received so far."""
        if self._response is None:
            return self.answer
        if self.answer.status != 200:
            self.dialect.read_error(bytes(self.data), self.answer)
        elif self.stream:
            self.dialect.read_stream(bytes(self.data), self.answer)
        elif self.answer.whole:
            self.dialect.read_whole(bytes(self.data), self.answer)
        return self.answer

    def disconnect(self, *, reset: bool = False) -> float:
        """Close the connection; return the time of that in seconds since the epoch."""
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
        """Set the answers to requests whose prompt contains ``mark``. The last one repeats."""
        *first, last = answers
        match = {"match": {"text": mark}}
        forms = [{**answer, **match} for answer in first]
        self.simulator.script(*forms, {**last, **match, "times": None})

    def send(
        self,
        dialect: DialectClient,
        mark: str,
        *,
        stream: bool,
        padding: int = 0,
        limit: str = "",
    ) -> PendingRequest:
        """Send a request with ``mark`` as its prompt and request id."""
        prompt = mark + " " + "x" * padding
        return PendingRequest(
            self.gateway.port, dialect, prompt, stream=stream, request_id=mark, limit=limit
        )

    def upstream_requests(self, mark: str) -> list[LoggedRequest]:
        """Return the chat requests with this mark that the upstream received."""
        return [seen for seen in self.simulator.requests if _is_of(seen, mark)]

    def wait_for_upstream_request(self, mark: str, done: Any = lambda seen: True) -> LoggedRequest:
        """Wait for a request with this mark for which ``done`` is true; return the first one."""
        found: LoggedRequest | None = self.simulator.wait_for(
            lambda all_seen: next(
                (seen for seen in all_seen if _is_of(seen, mark) and done(seen)), None
            )
        )
        assert found, f"the upstream never received it: {self.upstream_requests(mark)}"
        return found

    def log_line(self, mark: str, timeout: float = 5.0) -> Mapping[str, Any]:
        """Wait for the access-log line of a request, which is written when its answer ends."""
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
            assert text.startswith(b"{"), f"not the log's: {whole[whole.find(text) :].decode()}"
            entry = json.loads(text)
            if entry.get("logger") == "kiro2api.access":
                self._lines[entry["request_id"]] = entry


def _is_of(seen: LoggedRequest, mark: str) -> bool:
    if seen.operation != CHAT or not isinstance(seen.body, dict):
        return False
    message = seen.body["conversationState"]["currentMessage"]["userInputMessage"]
    return mark in str(message["content"])
