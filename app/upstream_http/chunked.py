"""HTTP/1.1 chunked bodies, sans-IO: bytes of the wire in, bytes of the body out.

Here and not in http.client because one read of the socket often holds many small chunks (the
upstream sends one frame a chunk), and taking them one by one costs a wake-up of the client each.
"""

import re

MAX_LINE = 4096
"""Longest chunk-size line or trailer line; more is an attack or not HTTP."""
SIZE = re.compile(rb"([0-9a-fA-F]{1,15})\r\n").match
"""Nearly every size line. What it does not match may be one that is cut, or holds more."""
SIZE_LINE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?").fullmatch


class ChunkedError(Exception):
    """The bytes are not a chunked body. Final."""


class ChunkedDecoder:
    """Feed what was read; get the body bytes of all chunks in it, joined. Linear in its input."""

    __slots__ = ("_line", "_owed", "_trailers", "complete")

    def __init__(self) -> None:
        self.complete = False
        """The last chunk and its trailers were read: the body is whole."""
        self._line = b""  # the start of a line whose end has not arrived
        self._owed = 0  # bytes still due to the chunk under way, its CRLF included
        self._trailers = False

    def feed(self, data: bytes) -> bytes:
        """The body bytes in ``data``; b"" when it held none. Bytes behind the end are an error."""
        parts = []
        at, end = 0, len(data)
        while at < end:
            if self.complete:
                raise ChunkedError("bytes after the last chunk")
            if self._owed:
                stop = at + self._owed
                body_end = min(stop - 2, end)
                if body_end > at:
                    parts.append(data[at:body_end])
                self._owed = max(stop - end, 0)
                at = stop
                continue
            size = SIZE(data, at) if not self._line and not self._trailers else None
            if size is not None and (owed := int(size[1], 16)):
                self._owed = owed + 2
                at = size.end()
                continue
            newline = data.find(b"\n", at)
            line = self._line + data[at : newline if newline >= 0 else end]
            if len(line) > MAX_LINE:
                raise ChunkedError("line too long in a chunked body")
            if newline < 0:
                self._line = line
                break
            self._line = b""
            at = newline + 1
            self._take_line(line.rstrip(b"\r"))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _take_line(self, line: bytes) -> None:
        if self._trailers:
            self.complete = not line
            return
        found = SIZE_LINE(line)
        if found is None:
            raise ChunkedError("no chunk size where one was due")
        size = int(found[1], 16)
        if size:
            self._owed = size + 2
        else:
            self._trailers = True
