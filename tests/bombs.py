"""Compressed bodies that decode to very many zeros, made without compressing all of them."""

import zlib
from typing import Protocol

import brotli

from tests.zstandard import zstd

MEGA = bytes(1_000_000)


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self, mode: int, /) -> bytes: ...


def zeros(coding: str, size: int) -> bytes:
    """``size`` zeros in whole millions. The end of the streams of all codings but zstd is missing,
    and so is their checksum: a decoder would have to decode all to know."""
    blocks = size // len(MEGA)
    if coding == "zstd":
        frame = min(blocks, 100)  # so that it has fewer frames than a body may have
        return zstd.compress(MEGA * frame) * (blocks // frame)
    if coding == "br":
        made = brotli.Compressor(quality=1)
        head, block = (made.process(MEGA) + made.flush() for _ in range(2))
    else:
        head, block = _zlib(zlib.compressobj(9, zlib.DEFLATED, {"gzip": 31, "deflate": 15}[coding]))
    return head + block * (blocks - 1)


def _zlib(made: _Compressor) -> tuple[bytes, bytes]:
    """The first block, with a header, and one of those that follow, which are all the same."""
    head, block = (made.compress(MEGA) + made.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return head, block
