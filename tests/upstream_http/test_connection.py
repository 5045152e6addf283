"""Requests as they leave, and responses in every shape, over real sockets."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.codewhisperer.client import Client
from app.common.errors import GatewayError, Kind
from app.upstream_http.head import MAX_HEADERS

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def server(answer: Callable[[bytes], bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Answers one connection, request by request; gives its port and what it read."""
    seen: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # nobody came
            return
        with connection:
            while data := connection.recv(1 << 20):
                seen.append(data)
                connection.sendall(answer(data))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield listener.getsockname()[1], seen
    listener.shutdown(socket.SHUT_RDWR)  # ends an accept that waits
    listener.close()
    thread.join(5)


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client(connections=2, connect_timeout=5, user_agent="test/1")
    yield made
    made.close()


def test_a_request_leaves_in_one_piece(client: Client) -> None:
    with server(lambda _: OK) as (port, seen):
        answer = client.open(f"http://127.0.0.1:{port}/a?b=c", {"X-A": "1"}, b"{}", timeout=5)
        assert b"".join(answer) == b"hi"
        answer.close()
        client.close()
    [request] = seen
    top, _, body = request.partition(b"\r\n\r\n")
    first, *headers = top.decode().split("\r\n")
    assert first == "POST /a?b=c HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: identity",
        "Content-Length: 2",
        f"Host: 127.0.0.1:{port}",
        "User-Agent: test/1",
        "X-A: 1",
    ]
    assert body == b"{}"


def test_a_call_without_a_body(client: Client) -> None:
    with server(lambda _: OK) as (port, seen):
        assert client.call("GET", f"http://127.0.0.1:{port}/list", {}) == b"hi"
        client.close()
    assert seen[0].startswith(b"GET /list HTTP/1.1\r\n")
    assert seen[0].endswith(b"\r\n\r\n")


def test_an_interim_response_is_passed_over(client: Client) -> None:
    with server(lambda _: b"HTTP/1.1 100 Continue\r\n\r\n" + OK) as (port, _):
        answer = client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
        assert b"".join(answer) == b"hi"
        client.close()


def test_the_lines_of_a_head_may_end_without_a_carriage_return(client: Client) -> None:
    with server(lambda _: OK.replace(b"\r\n", b"\n")) as (port, _):
        answer = client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
        assert b"".join(answer) == b"hi"
        client.close()


def test_a_connection_that_gave_too_much_is_not_kept(client: Client) -> None:
    with server(lambda _: OK + b"HTTP/1.1 200 OK\r\n") as (port, _):
        answer = client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
        with pytest.raises(GatewayError) as failed:
            list(answer)
        answer.close()  # else the server, whose thread is waited for, would go on reading
    assert failed.value.kind is Kind.TRUNCATED


def test_an_answer_on_a_kept_connection_that_never_comes(client: Client) -> None:
    turns = iter([OK, b""])
    with server(lambda _: next(turns)) as (port, _):
        url = f"http://127.0.0.1:{port}/"
        answer = client.open(url, {}, b"{}", timeout=5)
        assert b"".join(answer) == b"hi"
        answer.close()
        with pytest.raises(GatewayError) as failed:
            client.open(url, {}, b"{}", timeout=0.2)
    assert failed.value.kind is Kind.TIMEOUT


@pytest.mark.parametrize(
    "wire",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n",
    ],
)
def test_what_is_no_response_is_an_error(client: Client, wire: bytes) -> None:
    with server(lambda _: wire) as (port, _):
        with pytest.raises(GatewayError) as failed:
            client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
        client.close()
    assert failed.value.kind is Kind.CONNECTION


def test_a_compressed_answer_is_refused(client: Client) -> None:
    wire = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi"
    with server(lambda _: wire) as (port, _):
        with pytest.raises(GatewayError) as failed:
            client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
        client.close()
    assert failed.value.kind is Kind.CORRUPT


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb"])
def test_a_line_break_in_a_header_is_not_sent(client: Client, value: str) -> None:
    with server(lambda _: OK) as (port, seen), pytest.raises(GatewayError):
        client.open(f"http://127.0.0.1:{port}/", {"Authorization": value}, b"{}", timeout=5)
    assert seen == []


def test_nor_on_a_kept_connection(client: Client) -> None:
    with server(lambda _: OK) as (port, seen):
        url = f"http://127.0.0.1:{port}/"
        answer = client.open(url, {}, b"{}", timeout=5)
        assert b"".join(answer) == b"hi"
        answer.close()
        with pytest.raises(GatewayError):
            client.open(url, {"Authorization": "a\r\nX-Evil: 1"}, b"{}", timeout=5)
    assert len(seen) == 1


@pytest.mark.parametrize("close", [b"Connection: close\r\n", b""])
def test_a_connection_is_kept_unless_it_was_told_to_end(close: bytes) -> None:
    version = b"1.1" if close else b"1.0"
    wire = b"HTTP/%b 200 OK\r\n%bContent-Length: 2\r\n\r\nhi" % (version, close)
    client = Client(connections=2, connect_timeout=5, user_agent="test/1")
    with server(lambda _: wire) as (port, seen):
        answer = client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
        assert b"".join(answer) == b"hi"
        answer.close()
    assert len(seen) == 1  # the server's thread has ended, since its connection was closed
