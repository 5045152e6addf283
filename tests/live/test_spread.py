"""How streams spread over four workers, and a worker that is stuck."""

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.simulator import Simulator
from tests.live import processes
from tests.live.servers import KEY, Gateway

WORKERS = 4
TRIES = 3
"""Bursts of which one must be even: on a machine that is busy otherwise, a worker may get no
processor for longer than the others wait for it."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with Simulator(log_limit=5000) as running:
        running.script({"text": ["Hel", "lo"], "stall": {"after": 2}, "times": None})
        yield running


@pytest.fixture(scope="module")
def gateway(upstream: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    work = tmp_path_factory.mktemp("spread")
    running = Gateway(upstream.url, work, WEB_CONCURRENCY=str(WORKERS), KIRO_GRACEFUL_TIMEOUT="3")
    yield running
    running.stop()


def message(prompt: str) -> bytes:
    told = {"model": "claude-sonnet-4-5", "max_tokens": 64, "stream": True}
    body = json.dumps(told | {"messages": [{"role": "user", "content": prompt}]}).encode()
    head = f"POST /v1/messages HTTP/1.1\r\nHost: a\r\nx-api-key: {KEY}\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


class Stream:
    """One stream on a connection of its own."""

    def __init__(self, port: int, prompt: str = "hi") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.sendall(message(prompt))
        self.port = self.socket.getsockname()[1]
        self.received = b""

    def read_until(self, piece: bytes) -> None:
        while piece not in self.received:
            more = self.socket.recv(65536)
            assert more, self.received[-300:]
            self.received += more


def open_streams(gateway: Gateway, count: int, *, seconds: float) -> list[Stream]:
    """All of them, once each has its first text; they arrive evenly over so many seconds."""
    began, streams = time.monotonic(), []
    for number in range(count):
        time.sleep(max(0.0, began + number * seconds / count - time.monotonic()))
        streams.append(Stream(gateway.port))
    for stream in streams:
        stream.read_until(b"Hel")
    return streams


def by_worker(gateway: Gateway, streams: list[Stream]) -> Counter[int]:
    """How many of them each worker has, by its process."""
    wanted = {stream.port for stream in streams}
    found: Counter[int] = Counter()
    for worker in processes.children(gateway.process.pid):
        links = set(processes.files(worker))
        for line in Path(f"/proc/{worker}/net/tcp").read_text().splitlines()[1:]:
            _, here, there, *_, inode = line.split()[:10]
            ours = (int(here[9:], 16), int(there[9:], 16))
            if ours[0] == gateway.port and ours[1] in wanted and f"socket:[{inode}]" in links:
                found[worker] += 1
    return found


def close(gateway: Gateway, streams: list[Stream]) -> None:
    """And wait until the workers have noticed."""
    for stream in streams:
        stream.socket.close()
    end = time.monotonic() + 30
    while by_worker(gateway, streams):
        assert time.monotonic() < end
        time.sleep(0.1)


def largest_share(gateway: Gateway, count: int, *, seconds: float) -> float:
    """The share of the fullest worker, in the most even of the tries that it takes."""
    shares = []
    for _ in range(TRIES):
        streams = open_streams(gateway, count, seconds=seconds)
        found = by_worker(gateway, streams)
        close(gateway, streams)
        assert found.total() == count
        shares.append(max(found.values()) / count)
        if shares[-1] <= 0.3:
            break
    return min(shares)


def test_five_hundred_at_once_are_shared_by_all_workers(gateway: Gateway) -> None:
    assert largest_share(gateway, 500, seconds=0) <= 0.3


def test_arrivals_over_a_second_are_spread_evenly(gateway: Gateway) -> None:
    assert largest_share(gateway, 100, seconds=1) <= 1.2 / WORKERS


def test_a_stuck_worker_is_replaced_and_the_others_go_on(tmp_path: Path) -> None:
    """gunicorn's watchdog, which waits for 30 seconds where it is not told otherwise."""
    with Simulator() as upstream:
        upstream.script({"text": ["Hel", "lo"], "stall": {"after": 2, "seconds": 8}})
        watchdog, grace = ("--timeout", "3"), {"KIRO_GRACEFUL_TIMEOUT": "3"}
        application = "tests.chaos.stuck:app"
        gateway = Gateway(upstream.url, tmp_path, *watchdog, application=application, **grace)
        try:
            before = set(processes.children(gateway.process.pid))
            stuck = Stream(gateway.port, "get.stuck")
            time.sleep(0.5)  # from now on its worker accepts nothing
            runs = Stream(gateway.port)
            runs.read_until(b"Hel")
            runs.read_until(b"message_stop")
            assert b"message_stop" not in read_to_its_end(stuck)
            after = set(processes.children(gateway.process.pid))
        finally:
            gateway.stop()
    assert len(before & after) == 1, "the other worker was touched"
    assert len(after) == 2
    assert "WORKER TIMEOUT" in gateway.log_text()


def read_to_its_end(stream: Stream) -> bytes:
    try:
        while more := stream.socket.recv(65536):
            stream.received += more
    except ConnectionError:
        pass
    return stream.received
