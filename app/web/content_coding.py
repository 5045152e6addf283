"""Content codings of request bodies (RFC 9110, section 8.4), decoded in bounded steps."""

import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol

try:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
except ImportError:  # a Python that was built without libzstd
    zstd = None  # type: ignore[assignment]
try:
    import brotli
except ImportError:  # the extra "brotli" is not installed
    brotli = None

STEP = 64 * 1024
"""Encoded bytes that a decoder is given at once."""

PIECE = 256 * 1024
"""Decoded bytes that it is asked for at once: what one call into C may take."""

MOST_FRAMES = 1000
"""Members of a gzip body, frames of a zstd body. One of a few bytes costs a new decoder."""

LARGEST_WINDOW = 23
"""Logarithm of a zstd window's largest size: the 8 MB of RFC 9659, which is what a decoder keeps
of its output."""


class Damaged(Exception):
    """What was sent is not of its coding; the text says why, and quotes nothing of it."""


class Stream(Protocol):
    """One gzip member, zstd frame and so on, being decoded."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before something goes in."""

    @property
    def finished(self) -> bool:
        """Whether its end was reached."""

    @property
    def rest(self) -> bytes:
        """What came behind its end."""

    def decode(self, data: bytes) -> bytes:
        """About ``PIECE`` bytes at most of what comes next. ``data`` is empty unless more is
        needed. Raises Damaged."""


class Coding(NamedTuple):
    """``frames``: whether several streams may follow each other."""

    start: Callable[[], Stream]
    frames: bool = False


class _Zlib:
    def __init__(self, bits: int) -> None:
        self._stream = zlib.decompressobj(bits)
        self.needs_input, self.finished, self.rest = True, False, b""

    def decode(self, data: bytes) -> bytes:
        stream = self._stream
        try:
            piece = stream.decompress(data or stream.unconsumed_tail, PIECE)
        except zlib.error as error:
            raise Damaged(str(error)) from None
        self.finished, self.rest = stream.eof, stream.unused_data
        self.needs_input = not (stream.eof or stream.unconsumed_tail or len(piece) == PIECE)
        return piece


class _Deflate:
    """The zlib format, or bare deflate, which some clients send under the same name (RFC 9110,
    section 8.4.1.2); the first two bytes tell which."""

    def __init__(self) -> None:
        self._head = b""
        self._stream: _Zlib | None = None

    @property
    def needs_input(self) -> bool:
        return self._stream is None or self._stream.needs_input

    @property
    def finished(self) -> bool:
        return self._stream is not None and self._stream.finished

    @property
    def rest(self) -> bytes:
        return self._stream.rest if self._stream else b""

    def decode(self, data: bytes) -> bytes:
        if self._stream is None:
            data = self._head = self._head + data
            if len(data) < 2:
                return b""
            wrapped = data[0] & 0x8F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
            self._stream = _Zlib(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        return self._stream.decode(data)


class _Zstd:
    def __init__(self) -> None:
        most = {int(zstd.DecompressionParameter.window_log_max): LARGEST_WINDOW}
        self._stream = zstd.ZstdDecompressor(options=most)
        self.needs_input, self.finished, self.rest = True, False, b""

    def decode(self, data: bytes) -> bytes:
        stream = self._stream
        try:
            piece = stream.decompress(data, PIECE)
        except zstd.ZstdError as error:
            reason = f"{error} (dictionaries and windows of more than 8 MB are not supported)"
            raise Damaged(reason) from None
        self.finished, self.needs_input = stream.eof, stream.needs_input and not stream.eof
        self.rest = stream.unused_data
        return piece


class _Brotli:
    rest = b""  # the decoder refuses what comes behind the end

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self.needs_input, self.finished = True, False

    def decode(self, data: bytes) -> bytes:
        try:
            piece: bytes = self._stream.process(data, output_buffer_limit=PIECE)
        except brotli.error:
            raise Damaged("its data is malformed, or goes on behind its end") from None
        self.finished = self._stream.is_finished()
        self.needs_input = not (piece or self.finished) and self._stream.can_accept_more_data()
        return piece


def _known() -> Iterator[tuple[str, Coding]]:
    if zstd is not None:
        yield "zstd", Coding(_Zstd, frames=True)
    yield "gzip", Coding(lambda: _Zlib(zlib.MAX_WBITS | 16), frames=True)
    yield "deflate", Coding(_Deflate)
    if hasattr(getattr(brotli, "Decompressor", None), "can_accept_more_data"):  # 1.2: it has limits
        yield "br", Coding(_Brotli)


CODINGS: Mapping[str, Coding] = dict(_known())
"""By name, the best first."""

ALIASES = {"x-gzip": "gzip"}


def names(header: str | None) -> list[str]:
    """The codings that a Content-Encoding names, in the order in which they were applied; without
    ``identity``, which is none."""
    given = (name.strip().lower() for name in (header or "").split(","))
    return [ALIASES.get(name, name) for name in given if name not in ("", "identity")]


def pieces(coding: Coding, data: bytes, step: int = STEP) -> Iterator[bytes]:
    """What ``data`` decodes to, in pieces of about ``PIECE`` bytes at most, some of them empty;
    ``step`` bytes of it are read at a time. Raises Damaged."""
    stream: Stream | None = coding.start()
    frames = 1
    for at in range(0, len(data), step):
        given = data[at : at + step]
        while given or not (stream is None or stream.needs_input):
            if stream is None:
                if not coding.frames:
                    raise Damaged("something follows its end")
                if (frames := frames + 1) > MOST_FRAMES:
                    raise Damaged(f"it has more than {MOST_FRAMES} members or frames")
                stream = coding.start()
            yield stream.decode(given)
            given = b""
            if stream.finished:
                given, stream = stream.rest, None
    if stream is not None:
        raise Damaged("it breaks off before its end")


class Decoding:
    """A body of a coding, and what it has been decoded to so far."""

    def __init__(self, coding: Coding, data: bytes) -> None:
        self._pieces = pieces(coding, data)
        self._decoded: list[bytes] = []
        self.size = 0
        self.complete = False

    def advance(self, most: int) -> None:
        """Decode until it is complete, or has more than ``most`` bytes. Raises Damaged."""
        while self.size <= most:
            if (piece := next(self._pieces, None)) is None:
                self.complete = True
                return
            self._decoded.append(piece)
            self.size += len(piece)

    def result(self) -> bytes:
        """All of it, once it is complete. To be taken once: no second copy is kept."""
        decoded, self._decoded = self._decoded, []
        return b"".join(decoded)
