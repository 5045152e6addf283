"""The body of a request in chunks (RFC 9112, section 7.1), in time that grows with its bytes only.

gunicorn's own decoder copies the rest of its buffer for every chunk, so that a body of chunks of
one byte takes it far longer than any honest one.
"""

import re
from collections.abc import Callable
from typing import Any

from gunicorn.http.body import CHUNK_EXT_RE  # type: ignore[attr-defined] # the stubs are older
from gunicorn.http.errors import (
    ChunkMissingTerminator,
    InvalidChunkExtension,
    InvalidChunkSize,
    LimitRequestHeaders,
    NoMoreData,
)

SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(" + CHUNK_EXT_RE.pattern + rb")\r\n")
NEXT_SIZE_LINE = re.compile(rb"\r\n" + SIZE_LINE.pattern)
"""The same behind a chunk, with the end of that chunk."""

MAX_LINE = 512
"""Bytes of a size line with its extensions."""

MAX_EXTENSIONS = 64 * 1024
"""Bytes of all extensions of a body. Nothing reads them."""

MAX_TRAILER = 8192


class ChunkedBody:
    """Takes the place of gunicorn's ``Body``, over its ``Unreader``. ``check_trailer`` raises for a
    malformed trailer.

    ``failed``: reading it raised. ``ended``: it was read to its end, and the next request follows.
    """

    def __init__(self, unreader: Any, check_trailer: Callable[[bytes], object]) -> None:
        self.failed = self.ended = False
        self._unreader = unreader
        self._check_trailer = check_trailer
        self._data = b""  # received
        self._at = 0  # where the part of it begins that is not decoded
        self._left = 0  # bytes that are to come of the chunk
        self._size_line = SIZE_LINE
        self._extensions = 0

    def read(self, size: int) -> bytes:
        """That many bytes, less only at the end. Raises gunicorn's ParseException for a malformed
        body, and its NoMoreData, an OSError, for one that breaks off."""
        out = bytearray()
        try:
            while not self._decode(out, size):
                self._receive()
        except BaseException:  # a time-out's too
            self.failed = True
            raise
        return bytes(out)

    def _decode(self, out: bytearray, size: int) -> bool:
        """Decode what was received. False if more must be received."""
        while not self.ended and len(out) < size:
            if self._left:
                piece = self._data[self._at : self._at + min(self._left, size - len(out))]
                if not piece:
                    return False
                out += piece
                self._at += len(piece)
                self._left -= len(piece)
            elif (line := self._size_line.match(self._data, self._at)) is not None:
                self._begin(line)
            else:
                self._check_unfinished_line()
                return False
        return True

    def _begin(self, line: re.Match[bytes]) -> None:
        self._at = line.end()
        self._left = int(line[1], 16)
        self._size_line = NEXT_SIZE_LINE
        self._extensions += len(line[2])
        if self._extensions > MAX_EXTENSIONS:
            raise InvalidChunkExtension("too many")
        if not self._left:
            self._end()

    def _check_unfinished_line(self) -> None:
        """Raise if no bytes that follow can complete the line."""
        rest = self._data[self._at : self._at + MAX_LINE + 1]
        if self._size_line is NEXT_SIZE_LINE:
            if not b"\r\n".startswith(rest[:2]):
                raise ChunkMissingTerminator(b"")
            rest = rest[2:]
        if b"\r\n" in rest or len(rest) >= MAX_LINE:
            raise InvalidChunkSize(b"")

    def _end(self) -> None:
        """Read the trailer and hand back what follows it."""
        while True:
            if self._data.startswith(b"\r\n", self._at):
                end = self._at + 2
                break
            end = self._data.find(b"\r\n\r\n", self._at) + 4
            if end >= 4:
                self._check_trailer(self._data[self._at : end - 4])
                break
            if len(self._data) - self._at > MAX_TRAILER:
                raise LimitRequestHeaders("trailer")
            self._receive()
        self._unreader.unread(self._data[end:])
        self._data = b""
        self.ended = True

    def _receive(self) -> None:
        more = self._unreader.read(None, read_ahead=self._left)
        if not more:
            raise NoMoreData
        self._data = self._data[self._at :] + more
        self._at = 0
