"""How an answer's bytes leave: in one write for each piece, the head and the end included."""

from collections.abc import Sequence
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import errors

from app.server.response import END_OF_CHUNKS, FinalChunk, MergingResponse, UnfinishedError

STREAM = [("Content-Type", "text/event-stream")]
FIXED = [("Content-Length", "5")]

InvalidHeader: Any = vars(errors)["InvalidResponseHeader"]
InvalidHeaderName: Any = vars(errors)["InvalidResponseHeaderName"]


class Request:
    """What gunicorn's response reads of a request."""

    def __init__(self, method: str = "GET", version: tuple[int, int] = (1, 1)) -> None:
        self.method = method
        self.version = version

    def should_close(self) -> bool:
        return self.version < (1, 1)


class Client:
    """A socket that takes ``at_once`` bytes at a time, and keeps each write."""

    def __init__(self, at_once: int = 10**6) -> None:
        self.at_once = at_once
        self.writes: list[bytes] = []

    def send(self, data: bytes) -> int:
        self.writes.append(data[: self.at_once])
        return len(self.writes[-1])

    def sendall(self, data: Any) -> None:
        self.writes.append(bytes(data))


def written(
    headers: Sequence[tuple[str, str]],
    *pieces: bytes,
    client: Client | None = None,
    **request: Any,
) -> list[bytes]:
    client = client or Client()
    asked: Any = Request(**request)
    taking: Any = client
    response = MergingResponse(asked, taking, Config())
    response.start_response("200 OK", [*headers])
    for piece in pieces:
        response.write(piece)
    response.close()
    return client.writes


def head_and_body(write: bytes) -> tuple[bytes, bytes]:
    head, _, body = write.partition(b"\r\n\r\n")
    return head, body


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.server.response.time", lambda: 784111777.9)


def test_the_head_leaves_with_the_first_piece_and_the_end_with_the_last() -> None:
    first, second = written(STREAM, b"Hello", FinalChunk(b"bye"))
    head, body = head_and_body(first)
    assert body == b"5\r\nHello\r\n"
    assert second == b"3\r\nbye\r\n" + END_OF_CHUNKS
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert {
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT",
        b"Connection: keep-alive",
        b"Transfer-Encoding: chunked",
        b"Content-Type: text/event-stream",
    } <= set(lines)


def test_an_answer_of_one_piece_is_one_write() -> None:
    [write] = written(STREAM, FinalChunk(b"Hello"))
    assert head_and_body(write)[1] == b"5\r\nHello\r\n0\r\n\r\n"
    [write] = written(FIXED, b"Hello")
    assert head_and_body(write)[1] == b"Hello"


def test_an_empty_final_chunk_ends_the_stream() -> None:
    assert written(STREAM, b"Hello", FinalChunk())[1:] == [END_OF_CHUNKS]
    [write] = written(STREAM, FinalChunk())
    assert head_and_body(write)[1] == END_OF_CHUNKS


@pytest.mark.parametrize("version", [(1, 1), (1, 0)])
@pytest.mark.parametrize("pieces", [(), (b"",), (b"Hello",)])
def test_a_stream_without_a_final_chunk_does_not_look_ended(
    pieces: Sequence[bytes], version: tuple[int, int]
) -> None:
    client = Client()
    with pytest.raises(UnfinishedError):
        written(STREAM, *pieces, client=client, version=version)
    assert END_OF_CHUNKS not in b"".join(client.writes)
    if not any(pieces):
        assert not any(client.writes) or version == (1, 0)


def test_an_empty_piece_does_not_end_the_stream() -> None:
    first, *rest = written(STREAM, b"", b"Hello", b"", FinalChunk(b"."))
    assert head_and_body(first)[1] == b"5\r\nHello\r\n"
    assert rest == [b"1\r\n.\r\n" + END_OF_CHUNKS]


def test_an_answer_without_a_body() -> None:
    [write] = written([("Content-Length", "0")])
    assert head_and_body(write)[1] == b""


def test_no_more_than_the_length_is_written() -> None:
    assert head_and_body(b"".join(written(FIXED, b"Hel", b"lo, too much")))[1] == b"Hello"


def test_a_head_request_has_no_body() -> None:
    [write] = written(STREAM, b"Hello", method="HEAD")
    assert head_and_body(write)[1] == b""


def test_an_old_client_gets_no_chunks_and_its_connection_is_closed() -> None:
    first, second = written(STREAM, b"Hello", FinalChunk(b"."), version=(1, 0))
    head, body = head_and_body(first)
    assert (body, second) == (b"Hello", b".")
    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert b"Connection: close" in head
    assert b"Transfer-Encoding" not in head


def test_what_the_socket_does_not_take_at_once_follows() -> None:
    whole = b"".join(written(FIXED, b"Hello"))
    assert b"".join(written(FIXED, b"Hello", client=Client(at_once=10))) == whole


@pytest.mark.parametrize(
    "header", [("a b", "c"), ("a:", "c"), ("", "c"), ("a", "b\r\nc: d"), ("a", "b\nc"), ("a", "\0")]
)
def test_what_would_break_the_head_is_refused(header: tuple[str, str]) -> None:
    """Whichever place it has, and however often it comes."""
    for headers in ([header], [*STREAM, header], [header, *STREAM], [header]):
        with pytest.raises((InvalidHeader, InvalidHeaderName)):
            written(headers)


def test_headers_of_the_connection_are_the_servers_matter() -> None:
    hop = [("Connection", "close"), ("Transfer-Encoding", "gzip"), ("X-One", " 1 ")]
    head, _ = head_and_body(written([*hop, *FIXED], b"Hello")[0])
    lines = head.split(b"\r\n")
    assert {b"Connection: keep-alive", b"X-One: 1", b"Content-Length: 5"} <= set(lines)
    assert not any(b"gzip" in line for line in lines)
