"""The upstream's body over real sockets, in every framing, plain and TLS."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import inf

import pytest

from app.codewhisperer.client import Client
from app.common.errors import GatewayError, Kind

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

Serve = Callable[[socket.socket], None]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data or not data.endswith(b"{}"):
        more = connection.recv(65536)
        if not more:
            return data
        data += more
    return data


@contextmanager
def server(*turns: Serve, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[int]]]:
    """Answers each request with the next turn; gives the URL and how many connections came."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections = [0]
    rest = iter(turns)

    def run() -> None:
        for turn in rest:
            connection, _ = listener.accept()
            connections[0] += 1
            if tls:
                try:
                    connection = tls.wrap_socket(connection, server_side=True)
                except ssl.SSLError:
                    continue  # the client did not trust us
            with connection:
                again: Serve | None = turn
                while again is not None and read_request(connection):
                    again(connection)
                    again = next(rest, None) if connection.fileno() >= 0 else None

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    scheme = "https" if tls else "http"
    yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/", connections
    listener.close()


@pytest.fixture
def client() -> Client:
    return Client(connections=10, connect_timeout=5, user_agent="test")


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def tls_or_none(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    """For what has to be the same over TLS: the server's side, and then it is trusted."""
    if not request.param:
        return None
    request.getfixturevalue("trusted")
    context: ssl.SSLContext = request.getfixturevalue("tls")
    return context


def read(client: Client, url: str, **limits: float) -> tuple[list[bytes], bool]:
    answer = client.open(url, {}, b"{}", timeout=5)
    try:
        if limits:
            given = {"tick": 60.0, "idle": 60.0, "deadline": 1e12} | limits
            answer.limit(**given, setting="KIRO_TOTAL_TIMEOUT")
        return [*answer], answer.complete
    finally:
        answer.close()


def test_chunks_that_came_together_leave_together(client: Client) -> None:
    with server(lambda c: c.sendall(CHUNKED + chunk(b"a") + chunk(b"bc") + b"0\r\n\r\n")) as (
        url,
        _,
    ):
        assert read(client, url) == ([b"abc"], True)


def test_each_chunk_leaves_when_it_comes(
    tls_or_none: ssl.SSLContext | None, client: Client
) -> None:
    gate = threading.Semaphore(0)

    def turn(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + chunk(b"first"))
        gate.acquire()
        connection.sendall(chunk(b"second") + b"0\r\n\r\n")

    with server(turn, tls=tls_or_none) as (url, _):
        answer = client.open(url, {}, b"{}", timeout=5)
        pieces = iter(answer)
        assert next(pieces) == b"first"  # would hang if it waited for more
        gate.release()
        assert [*pieces] == [b"second"]
        assert answer.complete


@pytest.mark.parametrize(
    ("wire", "complete"),
    [
        (HEAD + b"Content-Length: 5\r\n\r\nhello", True),
        (HEAD + b"Connection: close\r\n\r\nhello", False),
        (HEAD + b"Content-Length: 0\r\n\r\n", True),
    ],
)
def test_bodies_that_are_not_chunked(
    tls_or_none: ssl.SSLContext | None, client: Client, wire: bytes, complete: bool
) -> None:
    def turn(connection: socket.socket) -> None:
        connection.sendall(wire)
        connection.close()

    with server(turn, tls=tls_or_none) as (url, _):
        pieces, proved = read(client, url)
    assert b"".join(pieces) == (b"" if b": 0" in wire else b"hello")
    assert proved is complete


def test_silence_ends_a_body_that_may_be_over_and_its_connection(client: Client) -> None:
    """docs/upstream.md: Silence after the last event"""
    came: list[float] = []

    def silent(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + chunk(b"a"))
        for _ in range(4):  # each of which begins the silence anew
            time.sleep(0.3)
            connection.sendall(chunk(b"b"))
        came.append(time.monotonic())
        assert connection.recv(1) == b""  # closed by the gateway
        connection.close()

    def next_one(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + b"0\r\n\r\n")

    with server(silent, next_one) as (url, connections):
        answer = client.open(url, {}, b"{}", timeout=5)
        answer.limit(tick=inf, idle=20.0, deadline=inf, setting="")
        pieces = iter(answer)
        assert next(pieces) == b"a"
        answer.end_when_quiet(0.6)
        assert b"".join(pieces) == b"bbbb"
        assert 0.6 <= time.monotonic() - came[0] < 2
        assert (answer.complete, answer.ended_quietly) == (False, True)
        answer.close()
        assert read(client, url) == ([], True)
        assert connections == [2]


def test_a_body_with_a_length_is_not_held_back(
    tls_or_none: ssl.SSLContext | None, client: Client
) -> None:
    gate = threading.Semaphore(0)

    def turn(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"Content-Length: 11\r\n\r\nfirst")
        gate.acquire()
        connection.sendall(b"second")

    with server(turn, tls=tls_or_none) as (url, _):
        pieces = iter(client.open(url, {}, b"{}", timeout=5))
        assert next(pieces) == b"first"
        gate.release()
        assert [*pieces] == [b"second"]


@pytest.mark.parametrize(
    "wire",
    [
        CHUNKED + chunk(b"hello"),
        CHUNKED + b"5\r\nhel",
        CHUNKED + chunk(b"hello") + b"0\r\n",
        CHUNKED + chunk(b"hello") + b"nonsense\r\n",
        HEAD + b"Content-Length: 9\r\n\r\nhello",
    ],
)
def test_a_body_that_breaks_off_is_an_error_after_what_came(
    tls_or_none: ssl.SSLContext | None, client: Client, wire: bytes
) -> None:
    def turn(connection: socket.socket) -> None:
        connection.sendall(wire)
        connection.close()

    with server(turn, tls=tls_or_none) as (url, _):
        answer = client.open(url, {}, b"{}", timeout=5)
        pieces: list[bytes] = []
        with pytest.raises(GatewayError) as broken:
            pieces.extend(iter(answer))
        answer.close()
    assert broken.value.kind is Kind.TRUNCATED
    assert b"hello".startswith(b"".join(pieces))
    assert not answer.complete


def test_a_whole_body_gives_its_connection_back(
    tls_or_none: ssl.SSLContext | None, client: Client
) -> None:
    def turn(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + chunk(b"x") + b"0\r\n\r\n")

    with server(turn, turn, turn, tls=tls_or_none) as (url, connections):
        assert [read(client, url) for _ in range(3)] == [([b"x"], True)] * 3
        assert connections == [1]


def test_an_unfinished_body_closes_its_connection(
    tls_or_none: ssl.SSLContext | None, client: Client
) -> None:
    closed = threading.Event()

    def turn(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + chunk(b"x"))
        if connection.recv(1) == b"":
            closed.set()

    with server(turn, tls=tls_or_none) as (url, _):
        answer = client.open(url, {}, b"{}", timeout=5)
        assert next(iter(answer)) == b"x"
        answer.close()
        assert closed.wait(2)


def test_silence_ticks(tls_or_none: ssl.SSLContext | None, client: Client) -> None:
    def turn(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + chunk(b"x"))
        time.sleep(1.2)
        connection.sendall(chunk(b"y") + b"0\r\n\r\n")

    with server(turn, tls=tls_or_none) as (url, _):
        pieces, complete = read(client, url, tick=0.3)
    assert pieces[0] == b"x"
    assert pieces[-1] == b"y"
    assert 1 <= pieces.count(b"") <= 4
    assert complete


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        ({"idle": 0.2}, "KIRO_IDLE_TIMEOUT"),
        ({"deadline": time.monotonic()}, "KIRO_TOTAL_TIMEOUT"),
    ],
)
def test_silence_ends_at_its_limit(client: Client, limits: dict[str, float], setting: str) -> None:
    def turn(connection: socket.socket) -> None:
        connection.sendall(CHUNKED + chunk(b"x"))
        connection.recv(1)

    with server(turn) as (url, _):
        started = time.monotonic()
        with pytest.raises(GatewayError, match=setting) as late:
            read(client, url, **limits)
        assert late.value.kind is Kind.TIMEOUT
        assert time.monotonic() - started < 2


@pytest.mark.usefixtures("trusted")
def test_tls_records_are_drained(tls: ssl.SSLContext) -> None:
    body = bytes(range(256)) * 800

    def turn(connection: socket.socket) -> None:
        for at in range(0, len(body), 20_000):
            part = chunk(body[at : at + 20_000])
            connection.sendall((CHUNKED if at == 0 else b"") + part)
        connection.sendall(b"0\r\n\r\n")

    trusting = Client(connections=10, connect_timeout=5, user_agent="test")
    with server(turn, turn, tls=tls) as (url, connections):
        for _ in range(2):
            pieces, complete = read(trusting, url)
            assert b"".join(pieces) == body
            assert complete
        assert connections == [1]


def test_a_certificate_nobody_signed_is_refused(client: Client, tls: ssl.SSLContext) -> None:
    with server(lambda c: None, tls=tls) as (url, _), pytest.raises(GatewayError) as refused:
        client.open(url, {}, b"{}", timeout=5)
    assert refused.value.kind is Kind.TLS


def test_nobody_listens(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(GatewayError) as refused:
        client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
    assert (refused.value.kind, refused.value.code) == (Kind.CONNECTION, "unreachable")
