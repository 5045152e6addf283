"""Bodies with a Content-Length: what is read of them, and what is left for the next request."""

from collections.abc import Iterator

import pytest
from gunicorn.http.unreader import IterUnreader
from hypothesis import given
from hypothesis import strategies as st

from app.server.connections.plain import PlainBody


@given(st.binary(max_size=200), st.integers(1, 60), st.integers(1, 300), st.integers(0, 30))
def test_any_body_in_any_pieces(data: bytes, received: int, asked: int, with_head: int) -> None:
    sent = data + b"GET /"
    unreader = IterUnreader(
        sent[at : at + received] for at in range(with_head, len(sent), received)
    )
    unreader.unread(sent[:with_head])
    body, read = PlainBody(unreader, len(data)), b""
    while piece := body.read(asked):
        assert len(piece) == asked or body.ended
        read += piece
    assert read == data
    assert body.ended
    assert not body.failed
    assert b"GET /".startswith(unreader.take_buffered()), "what follows is the next request's"


@pytest.mark.parametrize("asked", [1, 5, 1000])
def test_a_client_that_leaves(asked: int) -> None:
    body = PlainBody(IterUnreader([b"some"]), 10)
    read = b""
    while piece := body.read(asked):
        read += piece
    assert read == b"some"
    assert body.ended


def test_a_read_that_fails() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"some"
        raise TimeoutError

    body = PlainBody(IterUnreader(pieces()), 10)
    with pytest.raises(TimeoutError):
        body.read(10)
    assert body.failed
    assert not body.ended
