"""gunicorn's response, in one write for each piece of its body.

gunicorn writes the head, each piece and the end of a chunked body separately; each write is a
system call and often a packet. Here the head goes out with the first piece, and the end of the body
with the :class:`FinalChunk`.

A stream without its final chunk is not ended, so that its client sees that it is not whole. A
worker that is killed ends its greenlets wherever they wait, and code that waits in them may take
that for the end of what it waited for.
"""

from functools import lru_cache
from time import time
from typing import Any

from gunicorn.http import errors, wsgi
from gunicorn.http.wsgi import Response
from gunicorn.util import http_date, is_hoppish

from app.common.sockets import send_all

_wsgi: Any = wsgi  # the stubs are older
_errors: Any = errors

END_OF_CHUNKS = b"0\r\n\r\n"


class FinalChunk(bytes):
    """The last piece of a body without a length. It may be empty."""


class UnfinishedError(Exception):
    """A body without a length came to its end before its final chunk."""


class MergingResponse(Response):
    """gunicorn's response for one request."""

    _head = b""
    _ended = False
    _omits_body: bool  # gunicorn sets it

    def process_headers(self, headers: Any) -> None:
        """Take the headers of the response, by gunicorn's rules: what a name may be, and means, is
        found out once, and the values are checked together.
        """
        taken: Any = self.headers
        for name, value in headers:
            if not _is_plain(name):
                super().process_headers([(name, value)])
            else:
                taken.append((name, value.strip(" \t")))
        if not _wsgi.HEADER_VALUE_RE.fullmatch("".join([value for _, value in taken])):
            raise _errors.InvalidResponseHeader("a value of a header")

    def send_headers(self) -> None:
        """Make the head; it goes out with the first piece, or upon :meth:`close`."""
        if not self.headers_sent:
            version: Any = self.req.version
            lines = [
                f"HTTP/{version[0]}.{version[1]} {self.status}",
                f"Server: {self.version}",
                f"Date: {_date(int(time()))}",
                f"Connection: {'close' if self.should_close() else 'keep-alive'}",
            ]
            if self.chunked:
                lines.append("Transfer-Encoding: chunked")
            lines += [f"{name}: {value}" for name, value in self.headers]
            self._head = "\r\n".join([*lines, "\r\n"]).encode("latin-1")
            self.headers_sent = True

    def write(self, data: bytes) -> None:
        """Write a piece of the body. Only bodies with a length need gunicorn's own counting."""
        self._ended = type(data) is FinalChunk
        if not self.chunked:
            super().write(data)
        elif data:
            self.send_headers()
            end = END_OF_CHUNKS if self._ended else b""
            self._put(b"%x\r\n%b\r\n%b" % (len(data), data, end))
        elif self._ended:
            self.send_headers()
            self._put(END_OF_CHUNKS)

    def _emit_body(self, data: bytes) -> None:
        self._put(data)

    def close(self) -> None:
        """Send the head, if no piece has. Raises UnfinishedError for a body that has not ended."""
        if not self._ended and self.response_length is None and not self._omits_body:
            raise UnfinishedError
        self.send_headers()
        self._put(b"")

    def _put(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        if data:
            send_all(self.sock, data)


@lru_cache(maxsize=256)
def _is_plain(name: str) -> bool:
    """Whether it is the name of a header that means nothing to the server."""
    is_meant = name.lower() == "content-length" or is_hoppish(name)
    return bool(_wsgi.TOKEN_RE.fullmatch(name)) and not is_meant


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return http_date(second)
