"""HTTP/1.1 chunked bodies (RFC 9112, section 7.1), sans-IO: bytes of the wire in, body bytes out.

http.client returns chunk by chunk. One read of the socket often holds many small chunks, since the
upstream sends one frame in each; joined they cost the client one wake-up instead of many.
"""

import re

from .errors import RemoteProtocolError

MAX_LINE = 4096
"""The longest chunk-size line or trailer line in bytes; a longer one is an attack or not HTTP."""
SIZE = re.compile(rb"([0-9a-fA-F]{1,15})\r\n").match
"""The usual size line. Others are incomplete, have extensions, or are wrong."""
SIZE_LINE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?").fullmatch

_SIZES: dict[bytes, int] = {}
"""Sizes by their lines: a body of small chunks has few different ones."""
_MOST_SIZES = 1024


class ChunkedDecoder:
    """Decodes what each read returned into the body bytes of all chunks in it, joined.

    Takes time linear in its input. After an error the decoder cannot be used.
    """

    __slots__ = ("_line", "_owed", "_trailers", "_width", "complete")

    def __init__(self) -> None:
        self.complete = False
        """Whether the last chunk and its trailers were read, so that the body is whole."""
        self._line = b""  # the start of a line that is not complete yet
        self._width = 0  # of the last size line: the next one has often the same
        self._owed = 0  # bytes missing from the current chunk, its CRLF included
        self._trailers = False

    def feed(self, data: bytes) -> bytes:
        """The body bytes in ``data``, b"" if it holds none.

        Raises RemoteProtocolError for an invalid body and for bytes behind its end.
        """
        parts: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            if self.complete:
                raise RemoteProtocolError("bytes after the last chunk")
            if self._owed:
                stop = at + self._owed
                body_end = min(stop - 2, end)
                if body_end > at:
                    parts.append(data[at:body_end])
                self._owed = max(stop - end, 0)
                at = stop
                continue
            if not self._line and not self._trailers:
                at = self._take_whole(data, at, parts)
                if at == end:
                    break
            newline = data.find(b"\n", at)
            self._line += data[at : newline if newline >= 0 else end]
            if len(self._line) > MAX_LINE:
                raise RemoteProtocolError("line too long in a chunked body")
            if newline < 0:
                break
            line, self._line = self._line, b""
            at = newline + 1
            self._take_line(line.rstrip(b"\r"))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _take_whole(self, data: bytes, at: int, parts: list[bytes]) -> int:
        """Take the chunks from ``at`` on that have the usual form and are all there; where the
        first other one begins.
        """
        end, width = len(data), self._width
        while True:
            length = _SIZES.get(data[at : at + width])
            if length is None:
                found = SIZE(data, at)
                if found is None:
                    break
                width, length = len(found[0]), _learn(found)
            stop = at + width + length + 2
            if not length or stop > end:
                break
            parts.append(data[at + width : stop - 2])
            at = stop
        self._width = width
        return at

    def _take_line(self, line: bytes) -> None:
        if self._trailers:
            self.complete = not line
            return
        found = SIZE_LINE(line)
        if found is None:
            raise RemoteProtocolError("an invalid chunk size")
        size = int(found[1], 16)
        if size:
            self._owed = size + 2
        else:
            self._trailers = True


def _learn(line: re.Match[bytes]) -> int:
    """The size that a usual line tells."""
    size = int(line[1], 16)
    if len(_SIZES) >= _MOST_SIZES:
        _SIZES.clear()
    _SIZES[line[0]] = size
    return size
