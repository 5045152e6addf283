"""Content codings, decoded in steps."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import brotli
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.web import content_coding
from app.web.content_coding import CODINGS, Damaged, Decoding, names, pieces
from tests.zstandard import zstd


def bare_deflate(data: bytes) -> bytes:
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(data) + made.flush()


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "zstd": ("zstd", lambda data: zstd.compress(data)),
    "zstd of unknown size": ("zstd", lambda data: _of_unknown_size(data)),
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare_deflate),
    "br": ("br", brotli.compress),
}
ALL = pytest.mark.parametrize("name", ENCODERS)


def _of_unknown_size(data: bytes) -> bytes:
    made = zstd.ZstdCompressor()
    return made.compress(data) + made.flush()


def decoded(coding: str, data: bytes, step: int = content_coding.STEP) -> bytes:
    return b"".join(pieces(CODINGS[coding], data, step))


def test_every_coding_is_known() -> None:
    assert list(CODINGS) == ["zstd", "gzip", "deflate", "br"]


texts = st.binary(max_size=300) | st.builds(
    lambda unit, times: unit * times, st.binary(min_size=1, max_size=9), st.integers(1, 60_000)
)


@ALL
@given(text=texts, step=st.integers(1, 400), piece=st.integers(1, 5000))
@example(text=b"", step=1, piece=1)
@example(text=b"a", step=1, piece=1)
@example(text=b"ab" * 5000, step=3, piece=10_000)  # the output ends where a piece ends
def test_any_steps_give_the_same(name: str, text: bytes, step: int, piece: int) -> None:
    coding, encode = ENCODERS[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content_coding, "PIECE", piece)
        assert decoded(coding, encode(text), step) == text


@ALL
@given(text=texts, cut=st.integers(1, 10**6), step=st.integers(1, 400))
def test_what_breaks_off_is_refused(name: str, text: bytes, cut: int, step: int) -> None:
    coding, encode = ENCODERS[name]
    encoded = encode(text)
    short = encoded[: cut % len(encoded)]
    with pytest.raises(Damaged, match="breaks off"):
        decoded(coding, short, step)


@ALL
@given(text=texts, more=st.binary(min_size=1, max_size=50), step=st.integers(1, 400))
def test_what_follows_is_refused(name: str, text: bytes, more: bytes, step: int) -> None:
    coding, encode = ENCODERS[name]
    with pytest.raises(Damaged):
        decoded(coding, encode(text) + b"\xff" + more, step)


@pytest.mark.parametrize("coding", CODINGS)
@given(data=st.binary(max_size=300), step=st.integers(1, 400))
def test_any_bytes_are_decoded_or_refused(coding: str, data: bytes, step: int) -> None:
    with suppress(Damaged):
        decoded(coding, data, step)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_members_and_frames_follow_each_other(coding: str) -> None:
    encode = ENCODERS[coding][1]
    for step in (1, 7, content_coding.STEP):
        assert decoded(coding, encode(b"one") + encode(b"") + encode(b"two"), step) == b"onetwo"


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_not_any_number_of_them(coding: str) -> None:
    empty = ENCODERS[coding][1](b"")
    most = content_coding.MOST_FRAMES
    assert decoded(coding, empty * most) == b""
    with pytest.raises(Damaged, match="more than 1000"):
        decoded(coding, empty * (most + 1))


def test_a_skippable_frame_is_skipped() -> None:
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"
    assert decoded("zstd", skippable + zstd.compress(b"text")) == b"text"


def test_a_window_that_takes_much_memory_is_refused() -> None:
    """RFC 9659: at most 8 MB."""

    def with_window(log: int) -> bytes:
        made = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: log})
        return made.compress(b"a") + made.flush()

    assert decoded("zstd", with_window(23)) == b"a"
    with pytest.raises(Damaged, match="8 MB"):
        decoded("zstd", with_window(24))


def test_a_checksum_is_checked() -> None:
    for coding, encoded in (
        ("gzip", gzip.compress(b"text" * 99)),
        ("deflate", zlib.compress(b"text" * 99)),
        ("zstd", zstd.compress(b"t" * 99, options={zstd.CompressionParameter.checksum_flag: 1})),
    ):
        at = -5 if coding == "gzip" else -1
        damaged = bytearray(encoded)
        damaged[at] ^= 1
        with pytest.raises(Damaged):
            decoded(coding, bytes(damaged))


@ALL
def test_no_more_is_decoded_than_was_asked_for(name: str) -> None:
    coding, encode = ENCODERS[name]
    encoded = encode(bytes(50_000_000))
    tracemalloc.start()
    try:
        decoding = Decoding(CODINGS[coding], encoded)
        decoding.advance(1_000_000)
        assert not decoding.complete
        assert 1_000_000 < decoding.size <= 1_000_000 + 2 * content_coding.PIECE
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
    decoding.advance(50_000_000)
    assert decoding.complete
    assert decoding.result() == bytes(50_000_000)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (None, []),
        ("", []),
        ("identity", []),
        (" , ", []),
        ("GZip", ["gzip"]),
        ("x-gzip", ["gzip"]),
        ("identity, zstd", ["zstd"]),
        ("gzip,br", ["gzip", "br"]),
    ],
)
def test_names_of_codings(header: str | None, found: list[str]) -> None:
    assert names(header) == found
