"""The load generator: ``python -m benchmarks.load``, a separate process whose cost is not measured.

It reads a :class:`LoadPlan` from stdin and sends the requests. It writes one byte (``OPEN``) to
stdout when every connection has received the first event of its first answer, and a
:class:`Result` at the end. Plan and result are msgpack. Of HTTP it supports only what gateway and
simulator send: chunked bodies.
"""

import sys
from time import perf_counter

import gevent
import gevent.socket
import msgspec
from msgspec import Struct

OPEN = b"o"
READ_SIZE = 64 * 1024
PATIENCE = 60.0
"""Seconds without data after which an answer has failed."""

LAST_CHUNK = b"\r\n0\r\n\r\n"


class LoadPlan(Struct, frozen=True):
    """The requests of one run.

    Each of ``connections`` sends ``body`` to ``path`` ``requests`` times, one after the other. The
    connections start evenly over ``ramp`` seconds. A valid answer contains ``text_mark`` ``events``
    times and ``end_mark`` once.
    """

    port: int
    path: str
    headers: dict[str, str]
    body: bytes
    text_mark: bytes
    end_mark: bytes
    events: int
    connections: int = 1
    requests: int = 1
    ramp: float = 0.0


class Result(Struct):
    """The measurements of one run, in seconds.

    ``first``: from sending each request to its first event. ``gaps``: between two events, 0 for
    events that were read together. ``failures``: a text for each failed connection.
    """

    first: list[float]
    gaps: list[float]
    failures: list[str]


class MarkCounter:
    """Counts a mark in bytes that arrive in pieces."""

    def __init__(self, mark: bytes) -> None:
        self._mark = mark
        self._carry = b""  # too short to hold a whole mark
        self.total = 0

    def feed(self, data: bytes) -> int:
        """Return how many marks ``data`` completes."""
        data = self._carry + data
        found = data.count(self._mark)
        self._carry = data[1 - len(self._mark) :]
        self.total += found
        return found


class Load:
    """Runs a plan."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        head = {
            "host": "127.0.0.1",
            "content-type": "application/json",
            "content-length": str(len(plan.body)),
            **plan.headers,
        }
        lines = [f"POST {plan.path} HTTP/1.1", *(f"{name}: {head[name]}" for name in head)]
        self._request = "\r\n".join([*lines, "\r\n"]).encode() + plan.body
        self._waiting = plan.connections  # connections without a first event
        self._result = Result([], [], [])

    def run(self) -> Result:
        """Send all requests, and wait for all answers."""
        plan = self._plan
        step = plan.ramp / plan.connections
        clients = [gevent.spawn_later(n * step, self._client) for n in range(plan.connections)]
        gevent.joinall(clients, raise_error=True)
        return self._result

    def _client(self) -> None:
        try:
            with gevent.socket.create_connection(("127.0.0.1", self._plan.port)) as connection:
                connection.settimeout(PATIENCE)
                for number in range(self._plan.requests):
                    self._send(connection, opens=number == 0)
        except (OSError, ValueError) as error:
            self._result.failures.append(f"{type(error).__name__}: {error}")

    def _send(self, connection: gevent.socket.socket, *, opens: bool) -> None:
        """Send one request and measure its answer. Raises ValueError if the answer is not valid."""
        texts, ends = MarkCounter(self._plan.text_mark), MarkCounter(self._plan.end_mark)
        start = before = b""
        last = perf_counter()
        connection.sendall(self._request)
        while not before.endswith(LAST_CHUNK):
            data = connection.recv(READ_SIZE)
            now = perf_counter()
            if not data:
                raise ValueError(f"the connection was closed after {texts.total} events: {start!r}")
            before = before[-len(LAST_CHUNK) :] + data
            start = start or data[:400]
            if not start.startswith(b"HTTP/1.1 200"):
                raise ValueError(f"refused: {data!r:.600}")
            ends.feed(data)
            if found := texts.feed(data):
                self._note(now - last, found, is_first=found == texts.total, opens=opens)
                last = now
        if (texts.total, ends.total) != (self._plan.events, 1):
            raise ValueError(f"{texts.total} events and {ends.total} ends: {start!r}")

    def _note(self, elapsed: float, found: int, *, is_first: bool, opens: bool) -> None:
        result = self._result
        (result.first if is_first else result.gaps).append(elapsed)
        result.gaps += [0.0] * (found - 1)
        if is_first and opens:
            self._waiting -= 1
            if not self._waiting:
                sys.stdout.buffer.write(OPEN)
                sys.stdout.buffer.flush()


def main() -> None:
    """Run the plan from stdin."""
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=LoadPlan)
    sys.stdout.buffer.write(msgspec.msgpack.encode(Load(plan).run()))


if __name__ == "__main__":
    main()
