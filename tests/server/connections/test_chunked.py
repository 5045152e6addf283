"""Bodies in chunks: what they mean, what is malformed, and what is left for the next request."""

from collections.abc import Iterable
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from hypothesis import given
from hypothesis import strategies as st

from app.server.connections.chunked import MAX_EXTENSIONS, MAX_LINE, MAX_TRAILER, ChunkedBody

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
EVERYTHING = 10**9


def body_of(*pieces: bytes) -> ChunkedBody:
    def check(trailer: bytes) -> Any:
        request: Any = Request(Config(), IterUnreader([HEAD]), ("127.0.0.1", 1))
        return request.parse_headers(trailer, from_trailer=True)

    return ChunkedBody(IterUnreader(pieces), check)


def rest_of(body: ChunkedBody) -> bytes:
    return body._unreader.take_buffered()


def in_pieces(data: bytes, size: int) -> Iterable[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + end


@given(
    st.lists(st.binary(min_size=1, max_size=40)),
    st.integers(1, 50),
    st.integers(1, 60),
    st.sampled_from([b"0\r\n\r\n", b"000\r\n\r\n", b"0;a=b\r\nX-Sum: 1\r\nY:\r\n\r\n"]),
)
def test_any_body_in_any_pieces(chunks: list[bytes], received: int, asked: int, end: bytes) -> None:
    data = chunked(*chunks, end=end)
    body = body_of(*in_pieces(data + b"GET /", received))
    read = b""
    while piece := body.read(asked):
        assert len(piece) == asked or body.ended
        read += piece
    assert read == b"".join(chunks)
    assert body.ended
    assert not body.failed
    assert b"GET /".startswith(rest_of(body)), "what follows is left to the next request"


@pytest.mark.parametrize("line", [b"5", b"0005", b"5;a", b"5 ; a = b", b'5;a="b;\\"c";d'])
def test_forms_of_a_size(line: bytes) -> None:
    assert body_of(line + b"\r\nHello\r\n0\r\n\r\n").read(EVERYTHING) == b"Hello"


MALFORMED = {
    "no hexadecimal number": b"zz\r\n",
    "no size": b"\r\nabc",
    "a negative size": b"-1\r\nab",
    "a prefixed size": b"0x5\r\nHello\r\n0\r\n\r\n",
    "a size with an underscore": b"1_0\r\n",
    "a size of too many digits": b"f" * 17 + b"\r\n",
    "spaces before the size": b" 5\r\nHello\r\n",
    "spaces behind the size": b"5 \r\nHello\r\n",
    "a line feed alone": b"5\nHello\r\n0\r\n\r\n" + b" " * MAX_LINE,
    "more than the size": b"5\r\nHello!\r\n0\r\n\r\n",
    "half an end": b"5\r\nHello\r0\r\n\r\n",
    "an extension with a control character": b"5;\x01\r\nHello\r\n",
    "a line that is too long": b"5;" + b"a" * MAX_LINE,
    "too many extensions": (b"1;" + b"a" * 400 + b"\r\nx\r\n") * (MAX_EXTENSIONS // 400 + 1),
    "a trailer that frames": b"0\r\nContent-Length: 5\r\n\r\n",
    "a trailer that authenticates": b"0\r\nAuthorization: a\r\n\r\n",
    "a trailer without a name": b"0\r\n: a\r\n\r\n",
    "a trailer that is too long": b"0\r\na: " + b"a" * MAX_TRAILER,
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("size", [1, 7, EVERYTHING])
def test_malformed(data: bytes, size: int) -> None:
    body = body_of(*in_pieces(data, size))
    with pytest.raises(ParseException) as raised:
        body.read(EVERYTHING)
    assert body.failed
    assert not body.ended
    assert "Hello" not in str(raised.value)


@pytest.mark.parametrize("end", range(1, len(chunked(b"Hello", b"you"))))
def test_one_that_breaks_off(end: int) -> None:
    body = body_of(chunked(b"Hello", b"you")[:end])
    with pytest.raises(NoMoreData):
        body.read(EVERYTHING)
    assert body.failed


def test_no_more_than_was_asked_for_is_decoded() -> None:
    body = body_of(chunked(b"Hello", b"you"))
    assert body.read(6) == b"Helloy"
    assert not body.ended
    assert body.read(EVERYTHING) == b"ou"
    assert body.read(EVERYTHING) == b""
