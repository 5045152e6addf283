"""A loopback TCP proxy that breaks connections on demand, to stand between gateway and upstream.

It passes bytes on as they come. What it does to one exchange is a :class:`Plan`, found by a mark in
the request's bytes, so that many faults can be tried at the same time through one proxy; a request
without a mark passes untouched. It knows of HTTP only where a request ends and a response's head.
"""

import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Self

_RST = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``reset``: the connection is reset as soon as the request is known ("before request", its
    rest unread), once the upstream has answered it ("after request", nothing passed on), or once
    the response's head was passed on ("after head").

    After ``stop_at`` bytes of the response (its head included), or with the read that holds the
    bytes ``stop_behind``, ``how`` says what happens: "rst", "fin", "half-close" (the upstream's
    side is closed, the gateway's stays open), or "stall" (silence until the gateway leaves).
    ``piece``: bytes a write, with ``pause`` seconds after each. ``head_pause``: seconds between the
    response's head and its body.
    """

    reset: Literal["before request", "after request", "after head"] | None = None
    stop_at: int | None = None
    stop_behind: bytes | None = None
    how: Literal["rst", "fin", "half-close", "stall"] = "fin"
    piece: int | None = None
    pause: float = 0.0
    head_pause: float = 0.0


class Proxy:
    """Listens on a free port and passes on to ``upstream_port``; a context manager."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream = ("127.0.0.1", upstream_port)
        self._plans: dict[bytes, list[Plan]] = {}
        self._changed = threading.Condition()
        self._left: dict[bytes, float] = {}
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for connection in tuple(self._open):
            _reset(connection)

    def plan(self, mark: str, *plans: Plan) -> None:
        """What becomes of the requests that hold ``mark``, one after the other."""
        self._plans[mark.encode()] = list(plans)

    def left_at(self, mark: str, timeout: float = 5) -> float | None:
        """When (monotonic) the gateway left the exchange with this mark; waits for it."""
        with self._changed:
            self._changed.wait_for(lambda: mark.encode() in self._left, timeout)
            return self._left.get(mark.encode())

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        upstream: socket.socket | None = None
        try:
            while request := _read_request(connection, self._refuses):
                mark, plan = self._take(request)
                if plan.reset == "before request":
                    _reset(connection)
                    return
                upstream = upstream or socket.create_connection(self._upstream)
                upstream.sendall(request)
                if plan.reset == "after request":
                    select.select([upstream], [], [])  # it has the request, and answers
                    _reset(connection)
                    return
                if not self._relay(connection, upstream, mark, plan):
                    return
        except OSError:
            pass  # whoever left, the other is told by the closing below
        finally:
            self._open.discard(connection)
            connection.close()
            if upstream:
                upstream.close()

    def _refuses(self, start: bytes) -> bool:
        """Whether a request that begins like this is to be read no further."""
        return any(
            mark in start and plans[0].reset == "before request"
            for mark, plans in self._plans.items()
        )

    def _take(self, request: bytes) -> tuple[bytes, Plan]:
        for mark, plans in self._plans.items():
            if mark in request:
                plan = plans[0]
                if len(plans) > 1:
                    plans.pop(0)
                return mark, plan
        return b"", Plan()

    def _relay(
        self, gateway: socket.socket, upstream: socket.socket, mark: bytes, plan: Plan
    ) -> bool:
        """Pass one response on; whether both are there for another request."""
        response = _Response(gateway, plan)
        while True:
            readable, _, _ = select.select([gateway, upstream], [], [])
            if gateway in readable:
                if not gateway.recv(1, socket.MSG_PEEK):
                    self._note_left(mark)
                    return False
                if upstream not in readable:
                    return True  # the next request has come
            if upstream in readable:
                data = upstream.recv(65536)
                if not data or not response.pass_on(data):
                    self._await_leaving(gateway, mark, plan)
                    return False

    def _await_leaving(self, gateway: socket.socket, mark: bytes, plan: Plan) -> None:
        if plan.how in ("half-close", "stall"):
            gateway.recv(1)
            self._note_left(mark)

    def _note_left(self, mark: bytes) -> None:
        with self._changed:
            self._left[mark] = time.monotonic()
            self._changed.notify_all()


class _Response:
    """One response on its way to the gateway."""

    def __init__(self, gateway: socket.socket, plan: Plan) -> None:
        self._gateway = gateway
        self._plan = plan
        self._sent = 0
        self._head = b""
        self._in_body = False

    def pass_on(self, data: bytes) -> bool:
        """Send; False when the response ends here, as the plan has it."""
        plan = self._plan
        for part in self._parts(data):
            if plan.stop_at is not None and self._sent + len(part) >= plan.stop_at:
                self._gateway.sendall(part[: plan.stop_at - self._sent])
                self._stop()
                return False
            self._gateway.sendall(part)
            self._sent += len(part)
            if plan.pause:
                time.sleep(plan.pause)
        if plan.stop_behind and plan.stop_behind in data:
            self._stop()
            return False
        if plan.reset == "after head" and self._in_body:
            _reset(self._gateway)
            return False
        return True

    def _parts(self, data: bytes) -> Iterator[bytes]:
        head, body = self._split(data)
        size = self._plan.piece or max(len(data), 1)
        for part in (head, body):
            if part is body and body and self._plan.head_pause and self._in_body:
                time.sleep(self._plan.head_pause)
            yield from (part[at : at + size] for at in range(0, len(part), size))

    def _split(self, data: bytes) -> tuple[bytes, bytes]:
        """The part of ``data`` that is the head's, and the body's; no body if that is to be
        reset."""
        if self._in_body:
            return b"", data
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return data, b""
        self._in_body = True
        cut = len(data) - (len(self._head) - end - 4)
        return data[:cut], b"" if self._plan.reset == "after head" else data[cut:]

    def _stop(self) -> None:
        match self._plan.how:
            case "rst":
                _reset(self._gateway)
            case "half-close":
                self._gateway.shutdown(socket.SHUT_WR)


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
    connection.close()


def _read_request(connection: socket.socket, refuses: Callable[[bytes], bool]) -> bytes:
    """One whole request, or its start if that is refused; b"" when there is none any more."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length and not refuses(body):
        more = connection.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body
