"""An upstream, a sign-in service and a proxy that misbehave while a case says so.

Each stands between the gateway and the simulator, and forwards what is not the attack's.
"""

import gzip
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from itertools import repeat
from threading import Event, Thread
from typing import Any

from app.simulator.wire.frames import event
from tests.chaos.proxy import Proxy, ProxyPlan, _read_request
from tests.hostile.cases import Case

MARK = b"hostile."
REFRESH = b"/refreshToken"
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
BOMB = 200 * 1024 * 1024
"""Bytes of a gzip body once it is decoded."""


class Door(Proxy):
    """In front of the simulator: answers the marked requests, or refreshes, as ``case`` says."""

    case: Case | None = None
    reached = 0
    """How many requests got an answer of the case."""

    def __init__(self, upstream_port: int, over: Callable[[], Event]) -> None:
        super().__init__(upstream_port)
        self._over = over

    def _serve(self, connection: socket.socket) -> None:
        upstream: socket.socket | None = None
        with suppress(OSError), connection:
            while request := _read_request(connection, lambda _start: False):
                if case := self._chosen(request):
                    self.reached += 1
                    send(connection, case, self._over())
                    break
                upstream = upstream or socket.create_connection(self._upstream)
                upstream.sendall(request)
                if not self._relay(connection, upstream, ProxyPlan()):
                    break
        if upstream:
            upstream.close()

    def _chosen(self, request: bytes) -> Case | None:
        case = self.case
        mark = REFRESH if case and case.side == "sign-in" else MARK
        return case if mark in request else None


class ConnectProxy:
    """An HTTP proxy to one address; a context manager. While ``case`` is set, it misbehaves."""

    case: Case | None = None
    reached = 0

    def __init__(self, target_port: int, over: Callable[[], Event]) -> None:
        self._target = target_port
        self._over = over
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "ConnectProxy":
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.recv(65536)
            if case := self.case:
                self.reached += 1
                send(connection, case, self._over())
                return
            with socket.create_connection(("127.0.0.1", self._target)) as upstream:
                connection.sendall(OK + b"\r\n")
                _pump(connection, upstream)


def send(connection: socket.socket, case: Case, over: Event) -> None:
    """Send what the case says; then be silent, unless it says to close, until it is over."""
    with suppress(OSError):
        connection.settimeout(0.5)
        for piece in ANSWERS[case.side][case.kind](case):
            if over.is_set():
                return
            connection.sendall(piece)
            over.wait(case.pause)
        if case.kind not in ("cut", "html", "bomb", "nesting", "refusal"):
            over.wait()


def _pump(left: Any, right: Any) -> None:
    while True:
        for source in select.select([left, right], [], [])[0]:
            if not (data := source.recv(65536)):
                return
            (right if source is left else left).sendall(data)


def _nothing(_case: Case) -> Iterator[bytes]:
    yield from ()


def _drip(_case: Case) -> Iterator[bytes]:
    yield OK + b"X: "
    yield from repeat(b"x")


def _continues(case: Case) -> Iterator[bytes]:
    yield from repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * max(1, case.size // 25))


def _many_headers(case: Case) -> Iterator[bytes]:
    yield OK
    yield from repeat(b"x-name: value\r\n" * max(1, case.size // 15))


def _endless_error(_case: Case) -> Iterator[bytes]:
    yield b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n" + CHUNKED
    yield from repeat(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def _endless_body(_case: Case) -> Iterator[bytes]:
    yield OK + b"Content-Type: application/json\r\n" + CHUNKED
    yield from repeat(b"10000\r\n" + b" " * 65536 + b"\r\n")


def _drip_body(_case: Case) -> Iterator[bytes]:
    yield OK + b"Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    yield from repeat(b" ")


def _endless_text(case: Case) -> Iterator[bytes]:
    yield OK + b"Content-Type: application/vnd.amazon.eventstream\r\n" + CHUNKED
    frames = event("assistantResponseEvent", {"content": "x" * case.size}) * 4
    yield from repeat(b"%x\r\n%s\r\n" % (len(frames), frames))


def _bomb(_case: Case) -> Iterator[bytes]:
    body = _bomb_body()
    yield OK + b"Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
    yield b"Content-Length: %d\r\n\r\n" % len(body) + body


@cache
def _bomb_body() -> bytes:
    return gzip.compress(bytes(BOMB), 1)


def _noise(case: Case) -> Iterator[bytes]:
    random = case.random
    yield from (random.randbytes(case.size) for _ in repeat(None))


def _chunk_noise(case: Case) -> Iterator[bytes]:
    yield OK + CHUNKED
    yield from _noise(case)


def _cut(case: Case) -> Iterator[bytes]:
    whole = OK + b"Content-Length: 1000\r\nContent-Type: application/json\r\n\r\n{"
    yield whole[: case.random.randrange(len(whole))]


def _html(_case: Case) -> Iterator[bytes]:
    yield (
        b"HTTP/1.1 401 Unauthorized\r\nContent-Type: text/html\r\nContent-Length: 24\r\n\r\n"
        b"<html>Log in first</html"
    )


def _nesting(case: Case) -> Iterator[bytes]:
    depth = case.count * 1000
    body = b"[" * depth + b"]" * depth
    yield OK + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _refusal(_case: Case) -> Iterator[bytes]:
    yield b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


Answer = Callable[[Case], Iterator[bytes]]
ANSWERS: dict[str, dict[str, Answer]] = {
    "upstream": {
        "continues": _continues,
        "drip head": _drip,
        "many headers": _many_headers,
        "endless error": _endless_error,
        "endless text": _endless_text,
        "bomb": _bomb,
        "noise": _noise,
        "silence": _nothing,
        "cut": _cut,
        "chunk noise": _chunk_noise,
    },
    "sign-in": {
        "html": _html,
        "drip": _drip_body,
        "endless": _endless_body,
        "bomb": _bomb,
        "nesting": _nesting,
        "noise": _noise,
        "silence": _nothing,
        "cut": _cut,
    },
    "proxy": {
        "drip": _drip,
        "silence": _nothing,
        "endless head": _many_headers,
        "refusal": _refusal,
        "noise": _noise,
        "cut": _cut,
    },
}
