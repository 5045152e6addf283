"""A stop while clients connect: who is connected is answered, and who is not is refused.

A front that has sent its request on a connection must not send it again elsewhere: a reset there is
a request that fails.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live import processes
from tests.live.servers import Gateway

REQUEST = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    """With one worker, which a test holds up."""
    running = Gateway("http://127.0.0.1:9", tmp_path, WEB_CONCURRENCY="1")
    yield running
    running.stop()


def until(done: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def is_told_to_stop(process: int) -> bool:
    """Whether SIGTERM waits for it."""
    status = Path(f"/proc/{process}/status").read_text()
    pending = int(status.partition("ShdPnd:")[2].split()[0], 16)
    return bool(pending & 1 << signal.SIGTERM - 1)


def connect(gateway: Gateway, timeout: float = 20) -> socket.socket:
    return socket.create_connection(("127.0.0.1", gateway.port), timeout)


def answer(client: socket.socket) -> bytes:
    """All that comes on the connection until its end."""
    received = b""
    with client:
        while more := client.recv(65536):
            received += more
    return received


def test_who_is_connected_when_the_stop_begins_is_answered(gateway: Gateway) -> None:
    [worker] = processes.children(gateway.process.pid)
    os.kill(worker, signal.SIGSTOP)  # it is busy
    clients = [connect(gateway) for _ in range(100)]
    for client in clients:
        client.sendall(REQUEST)
    gateway.process.terminate()
    until(lambda: is_told_to_stop(worker))
    os.kill(worker, signal.SIGCONT)
    answers = [answer(client) for client in clients]
    assert [told for told in answers if not told.startswith(b"HTTP/1.1 200 OK")] == []
    assert gateway.process.wait(30) == 0


def test_nobody_connects_any_more_when_the_stop_begins(gateway: Gateway) -> None:
    """While a worker still has the socket, the kernel would connect clients to nobody."""
    [worker] = processes.children(gateway.process.pid)
    os.kill(worker, signal.SIGSTOP)
    gateway.process.terminate()
    until(lambda: is_told_to_stop(worker))
    with pytest.raises(TimeoutError):
        connect(gateway, timeout=0.5)
    os.kill(worker, signal.SIGCONT)
    assert gateway.process.wait(30) == 0
    with pytest.raises(ConnectionRefusedError):
        connect(gateway)
