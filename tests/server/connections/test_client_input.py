"""Heads as they arrive: whole, in pieces, too long, too late; and turns for others meanwhile."""

import os
from collections.abc import Iterator
from contextlib import suppress
from time import monotonic
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.monkey import get_original
from gunicorn.http.errors import LimitRequestHeaders

from app.server.connections import client_input as module
from app.server.connections.client_input import MAX_HEAD, ClientInput

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
Pair = tuple[Any, Any]


@pytest.fixture
def pair() -> Iterator[Pair]:
    both = socket.socketpair()
    both[0].settimeout(5)
    yield both
    for one in both:
        one.close()


class Endless:
    """A socket on which more has always arrived."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.reads = 0

    def settimeout(self, seconds: float) -> None:
        pass

    def recv(self, size: int) -> bytes:
        self.reads += 1
        return self.pieces.pop(0) if len(self.pieces) > 1 else self.pieces[0]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_head_in_pieces(pair: Pair, size: int) -> None:
    client, served = pair

    def send() -> None:
        for at in range(0, len(HEAD), size):
            client.sendall(HEAD[at : at + size])
            gevent.sleep(0)

    sending = gevent.spawn(send)
    source = ClientInput(served)
    assert source.wait_for_head(b"", 5)
    assert source.recv(1) == HEAD
    sending.join()


def test_what_has_come_with_the_request_before(pair: Pair) -> None:
    client, served = pair
    client.sendall(HEAD[-1:])
    source = ClientInput(served)
    assert source.wait_for_head(HEAD[:-1], 5)
    assert source.recv(1) == HEAD


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\n"])
def test_a_client_that_has_left(pair: Pair, begun: bytes) -> None:
    client, served = pair
    client.sendall(begun)
    client.close()
    assert not ClientInput(served).wait_for_head(b"", 5)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\n\n", b"GET / HTTP/1.1\r\nHost: a\n\n", b"\n"])
def test_a_line_feed_alone_is_not_waited_on(data: bytes) -> None:
    source = ClientInput(Endless(data))
    assert source.wait_for_head(b"", 5)
    assert source.recv(1) == data


def test_headers_without_an_end() -> None:
    client = Endless(b"GET / HTTP/1.1\r\n", b"a: b\r\n" * 100)
    with pytest.raises(LimitRequestHeaders):
        ClientInput(client).wait_for_head(b"", 5)
    assert client.reads < MAX_HEAD / 600 + 3


def test_a_line_without_an_end_is_left_to_the_parser() -> None:
    source = ClientInput(Endless(b"a" * 1000))
    assert source.wait_for_head(b"", 5)
    assert len(source.recv(1)) > MAX_HEAD


@pytest.mark.parametrize("client", [Endless(b"x" * 10), None])
def test_a_head_has_a_deadline_whether_its_client_pauses_or_not(
    pair: Pair, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_HEAD", 10**9)
    started = monotonic()
    with pytest.raises(TimeoutError):
        ClientInput(client or pair[1]).wait_for_head(b"", 0.1)
    assert 0.1 <= monotonic() - started < 2


def test_a_request_that_has_arrived_in_time_is_read_though_the_loop_was_busy(pair: Pair) -> None:
    """Its arrival and the end of the wait are noticed at once. A front would not send it again."""
    client, served = pair
    source = ClientInput(served)
    waiting = gevent.spawn(source.wait_for_head, b"", 0.1)
    gevent.sleep(0)
    os.write(client.fileno(), HEAD)
    get_original("time", "sleep")(0.2)
    assert waiting.get()
    assert source.recv(1) == HEAD


def test_others_get_their_turn() -> None:
    """A timer fires, and another greenlet runs, while one client's data never ends."""
    source = ClientInput(Endless(b"x" * 10))
    turns = 0

    def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0)

    running = gevent.spawn(other)
    reads = 0
    with suppress(TimeoutError), gevent.Timeout(0.1, TimeoutError):
        while True:
            source.recv(10)
            reads += 1
    running.kill()
    assert turns >= reads - module.FREE_READS > 0


def test_the_first_reads_do_not_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(gevent, "sleep", pauses.append)
    source = ClientInput(Endless(HEAD))
    for _ in range(3):
        assert source.wait_for_head(b"", 5)
        assert source.recv(1) == HEAD
        source.recv(100)  # the body
    assert pauses == []
    source.recv(100)
    assert len(pauses) == 1


class TestLinger:
    def test_until_the_client_ends(self, pair: Pair) -> None:
        client, served = pair
        lingering = gevent.spawn(ClientInput(served).linger)
        client.sendall(bytes(10**6))
        client.close()
        lingering.join(5)
        assert lingering.successful()

    def test_not_longer_than_a_while(self) -> None:
        with gevent.Timeout(5):
            ClientInput(Endless(b"x")).linger(0.1)

    def test_a_pause_ends_it(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "LINGER_PAUSE", 0.05)
        with gevent.Timeout(5), pytest.raises(TimeoutError):
            ClientInput(pair[1]).linger()
