"""Clients that send without a pause, or that say nothing: whoever else asks is served in time."""

import http.client
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from statistics import median

import pytest

from app.simulator import Simulator
from tests.hostile.prober import waited, waits
from tests.live.flood import CONNECTS, KINDS
from tests.live.processes import children
from tests.live.servers import KEY, ROOT, Gateway

IN_TIME = 0.1
"""Seconds in which ``/health`` is answered, in the median of many."""

AT_WORST = 1.0
"""The longest of them, on a machine that is busy with other tests."""


@pytest.fixture(scope="module")
def gateway(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    running = Gateway(simulator.url, tmp_path_factory.mktemp("floods"), WEB_CONCURRENCY="1")
    yield running
    running.stop()


@contextmanager
def flooded(gateway: Gateway, kind: str) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.live.flood", str(gateway.port), kind, KEY]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def ask(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/health")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"OK")


def health(gateway: Gateway) -> float:
    """Seconds that a new client waits for an answer."""
    started = time.monotonic()
    with closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)) as connection:
        ask(connection)
    return time.monotonic() - started


def assert_served_in_time(gateway: Gateway, times: int = 20) -> None:
    waited = []
    for _ in range(times):
        waited.append(health(gateway))
        time.sleep(0.02)
    assert median(waited) < IN_TIME, waited
    assert max(waited) < AT_WORST, waited


@pytest.mark.parametrize("kind", KINDS)
def test_a_client_that_sends_without_a_pause(gateway: Gateway, kind: str) -> None:
    with flooded(gateway, kind):
        time.sleep(0.3)
        assert_served_in_time(gateway)


def test_a_stream_beside_all_of_them(gateway: Gateway, upstream: Simulator) -> None:
    upstream.script({"text": {"repeat": "word ", "deltas": 100}, "delay": 0.01})
    with ExitStack() as floods:
        for kind in KINDS:
            floods.enter_context(flooded(gateway, kind))
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
        body = (
            b'{"model":"claude-sonnet-4-6","max_tokens":2000000,"stream":true,'
            b'"messages":[{"role":"user","content":"Hello"}]}'
        )
        connection.request("POST", "/v1/messages", body, {"x-api-key": KEY})
        answer = connection.getresponse().read()
        connection.close()
    assert answer.count(b"content_block_delta") >= 100
    assert b"message_stop" in answer


def silent(gateway: Gateway, count: int, sent: bytes) -> Iterator[socket.socket]:
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", gateway.port))
        client.sendall(sent)
        yield client


@pytest.fixture
def many_files() -> Iterator[int]:
    """Let this process open as many files as it may; how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("sent", [b"", b"POST /v1/messages HTTP/1.1\r\nx-api-k"])
@pytest.mark.parametrize("count", [3000, pytest.param(10_000, marks=pytest.mark.long)])
def test_silent_connections_do_not_lock_others_out(
    simulator: Simulator, tmp_path: Path, many_files: int, count: int, sent: bytes
) -> None:
    gateway = Gateway(simulator.url, tmp_path)
    try:
        clients = [*silent(gateway, min(count, many_files - 500), sent)]
        health(gateway)  # behind those that wait to be accepted
        assert_served_in_time(gateway)
        for client in clients:
            client.close()
    finally:
        gateway.stop()


def test_who_is_connected_does_not_wait_for_those_who_connect(gateway: Gateway) -> None:
    """Who connects now waits in the kernel behind all that did before."""
    (worker,) = children(gateway.process.pid)
    own: list[float] = []
    with flooded(gateway, CONNECTS):
        end = time.monotonic() + 30
        while len(own) < 200:
            assert time.monotonic() < end, own
            connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
            with closing(connection), suppress(http.client.RemoteDisconnected):  # is not the newest
                ask(connection)
                for _ in range(20):
                    before, began = waits(worker) | waits("self"), time.monotonic()
                    ask(connection)
                    took = time.monotonic() - began
                    own.append(took - waited(before, waits(worker) | waits("self")))
                    time.sleep(0.002)
    assert max(own) < IN_TIME, own


def test_one_address_may_open_only_so_many(simulator: Simulator, tmp_path: Path) -> None:
    gateway = Gateway(
        simulator.url,
        tmp_path,
        WEB_CONCURRENCY="1",
        KIRO_MAX_CONNECTIONS_PER_ADDRESS="5",
        KIRO_TRUSTED_PROXIES="10.0.0.1, unix",
    )
    try:
        clients = [*silent(gateway, 5, b"")]
        one_more = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
        one_more.request("GET", "/health")
        answer = one_more.getresponse()
        assert (answer.status, answer.headers["retry-after"]) == (529, "1")
        assert b"KIRO_MAX_CONNECTIONS_PER_ADDRESS" in answer.read()
        line = gateway.wait_for_line(answer.headers["request-id"])
        assert (line["status"], line["error"]) == (529, "overloaded")
        clients.pop().close()
        time.sleep(0.7)  # the one that was refused is gone by then
        health(gateway)
        for client in clients:
            client.close()
    finally:
        gateway.stop()


def test_bodies_that_do_not_come_do_not_lock_others_out(gateway: Gateway, many_files: int) -> None:
    begun = b"POST /v1/messages HTTP/1.1\r\nx-api-key: %b\r\nContent-Length: 9\r\n\r\n{"
    clients = [*silent(gateway, 2000, begun % KEY.encode())]
    health(gateway)
    assert_served_in_time(gateway)
    for client in clients:
        client.close()
