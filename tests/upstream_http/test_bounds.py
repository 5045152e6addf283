"""What an upstream sends without end is bounded in bytes and in time, also if it never pauses."""

import socket
from collections.abc import Iterator
from math import inf
from queue import Queue
from time import monotonic

import pytest

from app.codewhisperer.client import LARGEST_REFUSAL, LARGEST_REPLY, Client, ResponseStream
from app.common.errors import GatewayError, Kind
from tests.upstream_http.peers import Script, peer

PIECE = b"10000\r\n" + b"x" * 65536 + b"\r\n"
SENT: Queue[int] = Queue()


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client(connections=1, connect_timeout=5, user_agent="test")
    yield made
    made.close()


def endless(status: str) -> Script:
    """Sends a body until the connection is closed; :data:`SENT` has the bytes of each."""

    def script(connection: socket.socket, seen: list[bytes]) -> None:
        connection.recv(4096)
        connection.sendall(f"HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        sent = 0
        try:
            while True:
                connection.sendall(PIECE)
                sent += len(PIECE)
        except OSError:
            SENT.put(sent)

    return script


def read(client: Client, port: int, *, seconds: float, most: float = inf) -> int:
    """The bytes of an answer that came before its limit."""
    answer: ResponseStream = client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
    answer.limit(
        tick=inf, idle=5, deadline=monotonic() + seconds, setting="KIRO_TOTAL_TIMEOUT", most=most
    )
    size = 0
    try:
        for piece in answer:
            size += len(piece)
    except GatewayError as error:
        error.args = (size,)
        raise
    finally:
        answer.close()
    return size


@pytest.mark.parametrize("status", ["400 Bad Request", "500 Internal Server Error"])
def test_a_refusal_without_end_is_read_no_further_than_it_says_something(
    client: Client, status: str
) -> None:
    with peer(endless(status)) as (port, _), pytest.raises(GatewayError) as refused:
        client.open(f"http://127.0.0.1:{port}/", {}, b"{}", timeout=5)
    assert refused.value.kind in (Kind.REJECTED, Kind.UPSTREAM_ERROR)
    assert SENT.get(timeout=5) < LARGEST_REFUSAL + 8 * 2**20  # what the kernel buffers included


def test_a_reply_of_the_control_plane_without_end(client: Client) -> None:
    with peer(endless("200 OK")) as (port, _), pytest.raises(GatewayError) as refused:
        client.call("GET", f"http://127.0.0.1:{port}/", {})
    assert refused.value.kind is Kind.CORRUPT
    assert SENT.get(timeout=5) < LARGEST_REPLY + 8 * 2**20


def test_an_answer_has_at_most_so_many_bytes(client: Client) -> None:
    with peer(endless("200 OK")) as (port, _), pytest.raises(GatewayError) as refused:
        read(client, port, seconds=60, most=1_000_000)
    assert refused.value.kind is Kind.CORRUPT
    assert "KIRO_MAX_ANSWER_BYTES" in refused.value.message
    assert refused.value.args[0] <= 1_000_000


def test_an_answer_that_never_pauses_ends_at_its_deadline(client: Client) -> None:
    began = monotonic()
    with peer(endless("200 OK")) as (port, _), pytest.raises(GatewayError) as refused:
        read(client, port, seconds=0.3)
    assert refused.value.kind is Kind.TIMEOUT
    assert "KIRO_TOTAL_TIMEOUT" in refused.value.message
    assert monotonic() - began < 3
