import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.upstream_http import chunked
from app.upstream_http.chunked import MAX_LINE, ChunkedDecoder
from app.upstream_http.errors import RemoteProtocolError

pieces = st.lists(st.binary(min_size=1, max_size=300), max_size=12)


def encode(parts: list[bytes], *, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + end


@given(pieces, st.integers(1, 64))
def test_any_split_gives_the_same_body(parts: list[bytes], size: int) -> None:
    wire = encode(parts)
    decoder = ChunkedDecoder()
    body = b"".join(decoder.feed(wire[at : at + size]) for at in range(0, len(wire), size))
    assert body == b"".join(parts)
    assert decoder.complete


def test_all_chunks_of_one_read_come_joined() -> None:
    assert ChunkedDecoder().feed(encode([b"a", b"bc"])) == b"abc"


def test_few_size_lines_are_known() -> None:
    for size in range(1, 2 * chunked._MOST_SIZES):
        ChunkedDecoder().feed(b"%x\r\n" % size)
    assert 0 < len(chunked._SIZES) <= chunked._MOST_SIZES


def test_chunks_of_any_form_follow_each_other() -> None:
    wire = b"3\r\nabc\r\n3;x\r\ndef\r\n003\r\nghi\r\nA\r\n0123456789\r\n3\r\njkl\r\n"
    assert ChunkedDecoder().feed(wire) == b"abcdefghi0123456789jkl"


def test_extensions_and_trailers_are_passed_over() -> None:
    decoder = ChunkedDecoder()
    assert decoder.feed(b"3;name=value\r\nabc\r\n0\r\nX-Trailer: 1\r\n") == b"abc"
    assert not decoder.complete
    assert decoder.feed(b"\r\n") == b""
    assert decoder.complete


@pytest.mark.parametrize("cut", range(1, len(encode([b"hello"]))))
def test_a_cut_body_is_never_complete(cut: int) -> None:
    decoder = ChunkedDecoder()
    decoder.feed(encode([b"hello"])[:cut])
    assert not decoder.complete


@pytest.mark.parametrize("wire", [b"zz\r\n", b"\r\n", b"-1\r\n", b"0x5\r\n", b"1_0\r\n"])
def test_what_is_no_chunk_size_is_an_error(wire: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ChunkedDecoder().feed(wire)


def test_bytes_behind_the_end_are_an_error() -> None:
    with pytest.raises(RemoteProtocolError):
        ChunkedDecoder().feed(encode([b"a"]) + b"HTTP/1.1 200 OK")


def test_an_endless_size_line_is_an_error() -> None:
    decoder = ChunkedDecoder()
    decoder.feed(b"0" * MAX_LINE)
    with pytest.raises(RemoteProtocolError):
        decoder.feed(b"0")
