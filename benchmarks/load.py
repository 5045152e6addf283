"""The load generator: ``python -m benchmarks.load``, a separate process whose cost is not measured.

It reads a :class:`LoadPlan` from stdin and sends the requests. It writes one byte (``OPEN``) to
stdout when every connection has received the first event of its first answer, and a
:class:`Result` at the end. Plan and result are msgpack. Of HTTP it supports only what gateway and
simulator send: chunked bodies, and those whose length the head tells.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from math import inf
from pathlib import Path
from time import monotonic, perf_counter

import gevent
import gevent.socket
import msgspec
from msgspec import Struct

OPEN = b"o"
READ_SIZE = 64 * 1024
PATIENCE = 60.0
"""Seconds without data after which an answer has failed."""

LAST_CHUNK = b"\r\n0\r\n\r\n"
_STAMP = re.compile(rb"@(\d{16})@")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class LoadFailed(Exception):
    """An answer was not valid, so there is no measurement."""


class LoadPlan(Struct, frozen=True):
    """The requests of one run.

    Each of ``connections`` sends ``body`` to ``path`` ``requests`` times, one after the other. The
    connections start evenly over ``ramp`` seconds and wait ``pause`` seconds after each answer. A
    valid answer contains ``text_mark`` ``events`` times and ``end_mark`` once. ``stamped``: each
    event tells when it was sent, as `@MOMENT@` in microseconds of the monotonic clock.
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
    stamped: bool = False
    pause: float = 0.0


class Result(Struct):
    """The measurements of one run, in seconds.

    ``first``: from sending each request to its first event. ``gaps``: between two events, 0 for
    events that were read together. ``failures``: a text for each failed connection. ``lags``: from
    the moment that each event tells to its reading, where they do.
    """

    first: list[float]
    gaps: list[float]
    failures: list[str]
    lags: list[float] = []


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


class StampReader:
    """Finds the moments that events tell, in bytes that arrive in pieces."""

    def __init__(self) -> None:
        self._carry = b""

    def feed(self, data: bytes) -> list[float]:
        """Return, for each moment that ``data`` completes, the seconds since then."""
        now = monotonic()
        data, end = self._carry + data, 0
        found = []
        for match in _STAMP.finditer(data):
            found.append(now - int(match[1]) / 1e6)
            end = match.end()
        self._carry = data[max(end, len(data) - 17) :]
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
                    gevent.sleep(self._plan.pause)
        except (OSError, ValueError) as error:
            self._result.failures.append(f"{type(error).__name__}: {error}")

    def _send(self, connection: gevent.socket.socket, *, opens: bool) -> None:
        """Send one request and measure its answer. Raises ValueError if the answer is not valid."""
        texts, ends = MarkCounter(self._plan.text_mark), MarkCounter(self._plan.end_mark)
        stamps = StampReader() if self._plan.stamped else None
        start = before = b""
        left, last = inf, perf_counter()
        connection.sendall(self._request)
        while left > 0 and not before.endswith(LAST_CHUNK):
            data = connection.recv(READ_SIZE)
            now = perf_counter()
            if not data:
                raise ValueError(f"the connection was closed after {texts.total} events: {start!r}")
            before = before[-len(LAST_CHUNK) :] + data
            left = (left if start else _length(data)) - len(data)
            start = start or data[:400]
            if not start.startswith(b"HTTP/1.1 200"):
                raise ValueError(f"refused: {data!r:.600}")
            ends.feed(data)
            if stamps:
                self._result.lags += stamps.feed(data)
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


def _length(data: bytes) -> float:
    """Return the bytes of the answer that begins with ``data``, infinite if its head tells none."""
    head, _, _ = data.partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    return len(head) + 4 + int(found[1]) if found else inf


def generate(plan: LoadPlan, when_open: Callable[[], object] | None = None) -> Result:
    """Run a plan in a process of its own. ``when_open`` is called when all its streams are open.

    Raises :class:`LoadFailed`.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load"],
        cwd=Path(__file__).parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    with process:
        process.stdin.write(msgspec.msgpack.encode(plan))
        process.stdin.close()
        first = process.stdout.read(len(OPEN))
        if first == OPEN and when_open:
            when_open()
        output = first.removeprefix(OPEN) + process.stdout.read()
    if process.returncode != 0:
        raise LoadFailed("the load generator ended; see above")
    result = msgspec.msgpack.decode(output, type=Result)
    if result.failures:
        problems = "\n  ".join(result.failures[:3])
        raise LoadFailed(f"{len(result.failures)} failed:\n  {problems}")
    return result


def main() -> None:
    """Run the plan from stdin."""
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=LoadPlan)
    sys.stdout.buffer.write(msgspec.msgpack.encode(Load(plan).run()))


if __name__ == "__main__":
    main()
