"""A loopback TCP proxy between gateway and upstream that breaks connections on demand.

It forwards bytes as they arrive. A :class:`ProxyPlan`, found by a mark in the bytes of a request,
says what happens to the request and its response, so that one proxy can test many faults at the
same time. A request without a mark passes unchanged. Of HTTP, the proxy knows only where a request
and the head of a response end.
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
class ProxyPlan:
    """The faults of one request and its response.

    ``reset``: reset the connection when the mark is found ("before request", the rest unread), when
    the upstream answers ("after request", nothing forwarded), or when the response head was
    forwarded ("after head").

    After ``stop_at`` bytes of the response (head included), or after the read that contains the
    bytes ``stop_after``, do ``how``: "rst", "fin", "half-close" (close the upstream's side only) or
    "stall" (send nothing until the gateway disconnects). ``piece``: bytes of a write, with
    ``pause`` seconds after each. ``head_pause``: seconds between the response head and its body.
    """

    reset: Literal["before request", "after request", "after head"] | None = None
    stop_at: int | None = None
    stop_after: bytes | None = None
    how: Literal["rst", "fin", "half-close", "stall"] = "fin"
    piece: int | None = None
    pause: float = 0.0
    head_pause: float = 0.0


class Proxy:
    """Listens on a free port and forwards to ``upstream_port``; a context manager."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream = ("127.0.0.1", upstream_port)
        self._plans: dict[bytes, list[ProxyPlan]] = {}
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

    def plan(self, mark: str, *plans: ProxyPlan) -> None:
        """Set the plans for the requests that contain ``mark``, in order; the last one repeats."""
        self._plans[mark.encode()] = list(plans)

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
                plan = self._take(request)
                if plan.reset == "before request":
                    _reset(connection)
                    return
                upstream = upstream or socket.create_connection(self._upstream)
                upstream.sendall(request)
                if plan.reset == "after request":
                    select.select([upstream], [], [])  # the upstream has the request and answers
                    _reset(connection)
                    return
                if not self._relay(connection, upstream, plan):
                    return
        except OSError:
            pass  # closing both connections below informs the other side
        finally:
            self._open.discard(connection)
            connection.close()
            if upstream:
                upstream.close()

    def _refuses(self, start: bytes) -> bool:
        """Return whether to stop reading a request that begins with ``start``."""
        return any(
            mark in start and plans[0].reset == "before request"
            for mark, plans in self._plans.items()
        )

    def _take(self, request: bytes) -> ProxyPlan:
        for mark, plans in self._plans.items():
            if mark in request:
                plan = plans[0]
                if len(plans) > 1:
                    plans.pop(0)
                return plan
        return ProxyPlan()

    def _relay(self, gateway: socket.socket, upstream: socket.socket, plan: ProxyPlan) -> bool:
        """Forward one response. Return whether both connections can carry another request."""
        response = _Response(gateway, plan)
        while True:
            readable, _, _ = select.select([gateway, upstream], [], [])
            if gateway in readable:
                if not gateway.recv(1, socket.MSG_PEEK):
                    return False
                if upstream not in readable:
                    return True  # the next request has arrived
            if upstream in readable:
                data = upstream.recv(65536)
                if not data or not response.pass_on(data):
                    _wait_for_disconnect(gateway, plan)
                    return False


def _wait_for_disconnect(gateway: socket.socket, plan: ProxyPlan) -> None:
    if plan.how in ("half-close", "stall"):
        gateway.recv(1)


class _Response:
    """Forwards one response to the gateway."""

    def __init__(self, gateway: socket.socket, plan: ProxyPlan) -> None:
        self._gateway = gateway
        self._plan = plan
        self._sent = 0
        self._head = b""
        self._in_body = False

    def pass_on(self, data: bytes) -> bool:
        """Send ``data``. Return False if the plan ends the response here."""
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
        if plan.stop_after and plan.stop_after in data:
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
        """Return the parts of ``data`` that belong to the head and to the body.

        The body is empty if the plan resets the connection after the head.
        """
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
    """Return one whole request, or its start if it is refused; b"" at the end of the connection."""
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
