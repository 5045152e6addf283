"""What gunicorn writes of a response, in as few writes as it has pieces.

gunicorn writes the head, each piece and the end of a chunked body apart; each write is a system
call and often a packet. Here the head leaves with the first piece, and the end with the
:class:`Last`.
"""

from gunicorn.http.wsgi import Response

END_OF_CHUNKS = b"0\r\n\r\n"


class Last(bytes):
    """The piece of a body behind which nothing comes."""


class MergingResponse(Response):
    """gunicorn's response for one request."""

    _head = b""
    _ended = False

    def send_headers(self) -> None:
        """Make the head; it waits for the first piece, or for :meth:`close`."""
        if not self.headers_sent:
            lines = self.default_headers()
            lines += [f"{name}: {value}\r\n" for name, value in self.headers]
            self._head = ("".join(lines) + "\r\n").encode("latin-1")
            self.headers_sent = True

    def _emit_body(self, data: bytes) -> None:
        if self.chunked:
            self._ended = type(data) is Last
            end = END_OF_CHUNKS if self._ended else b""
            data = b"%x\r\n%b\r\n%b" % (len(data), data, end)
        self._put(data)

    def close(self) -> None:
        """End the body, unless its last piece has done so."""
        self.send_headers()
        self._put(END_OF_CHUNKS if self.chunked and not self._ended else b"")

    def _put(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        if data:
            sent = self.sock.send(data)  # all of it, nearly always; sendall costs a call more
            if sent < len(data):
                self.sock.sendall(memoryview(data)[sent:])
