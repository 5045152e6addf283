"""A reader that stops early, or is killed, never leaves a used connection for the next request."""

import socket
import threading
from collections.abc import Iterator

import gevent
import gevent.socket
import pytest

from app.codewhisperer.client import Client
from app.upstream_http import adapter
from app.upstream_http.connection import Connection
from app.upstream_http.route import Route
from tests.upstream_http.peers import OK, Script, answering, peer

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client(connections=1, connect_timeout=5, user_agent="test")
    yield made
    made.close()


def first_unfinished(ended: threading.Event, unfinished: bytes) -> Script:
    """The first connection gets an answer without an end, all others a good one."""
    connections: list[object] = []

    def script(connection: socket.socket, seen: list[bytes]) -> None:
        connections.append(connection)
        if len(connections) > 1:
            answering(OK)(connection, seen)
            return
        connection.recv(4096)
        connection.sendall(unfinished)
        if connection.recv(1) == b"":
            ended.set()

    return script


def whole_answer(client: Client, port: int) -> bytes:
    answer = client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
    try:
        return b"".join(answer)
    finally:
        answer.close()


def test_a_greenlet_killed_while_it_waits_for_the_body(client: Client) -> None:
    ended = threading.Event()
    read: list[bytes] = []
    with peer(first_unfinished(ended, CHUNKED + b"1\r\nx\r\n")) as (port, _):

        def ask() -> None:
            answer = client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
            try:
                read.extend(answer)
            finally:
                answer.close()

        asking = gevent.spawn(ask)
        gevent.sleep(0.1)
        asking.kill()
        assert ended.wait(5)
        assert whole_answer(client, port) == b"hi"


def test_a_reader_that_stops_between_two_pieces(client: Client) -> None:
    ended = threading.Event()
    with peer(first_unfinished(ended, CHUNKED + b"1\r\nx\r\n")) as (port, _):
        answer = client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
        assert next(iter(answer)) == b"x"
        answer.close()
        answer.close()
        assert ended.wait(5)
        assert whole_answer(client, port) == b"hi"


def test_an_answer_that_nobody_reads(client: Client) -> None:
    ended = threading.Event()
    with peer(first_unfinished(ended, CHUNKED)) as (port, _):
        client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5).close()
        assert ended.wait(5)
        assert whole_answer(client, port) == b"hi"


def test_a_greenlet_killed_while_it_waits_for_the_head(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sockets of gevent, since those of the tests block all greenlets."""
    ours, theirs = gevent.socket.socketpair()
    theirs.settimeout(5)

    def connect(route: Route, *_: object) -> Connection:
        return Connection(ours, route)

    monkeypatch.setattr(adapter, "connect", connect)
    asking = gevent.spawn(client.open, "http://a.test/", {}, b"{}", timeout=5)
    assert theirs.recv(4096).startswith(b"POST / HTTP/1.1\r\n")
    asking.kill()
    assert theirs.recv(1) == b""
    assert ours.fileno() == -1
    theirs.close()


def test_streams_side_by_side_have_connections_of_their_own(client: Client) -> None:
    with peer(answering(OK)) as (port, seen):
        url = f"http://127.0.0.1:{port}/"
        both = [client.open(url, {}, b"{}", timeout=5) for _ in range(2)]
        assert [b"".join(answer) for answer in both] == [b"hi", b"hi"]
        for answer in both:
            answer.close()
        assert whole_answer(client, port) == b"hi"
    assert len(seen) == 3
