"""The body of an upstream answer, read so that nothing waits and many events leave together.

requests reads through :meth:`Body.stream` (``iter_content(chunk_size=None)``). A chunked body, what
CodeWhisperer sends, is drained: wait until the socket has something, take all it has, de-chunk it
once. Any other body would be held back by ``iter_content`` until its end; it is read with
``raw.read1``, which gives what has come. Over both, a tick of silence yields b"".
"""

from collections.abc import Iterator
from ssl import SSLWantReadError, SSLWantWriteError
from typing import Any, cast

from urllib3.exceptions import ProtocolError
from urllib3.response import HTTPResponse

from .chunked import ChunkedDecoder, ChunkedError
from .sweeper import Sweeper

READ_SIZE = 64 * 1024
NOTHING_YET = (BlockingIOError, SSLWantReadError, SSLWantWriteError)


class Body:
    """Takes the place of ``response.raw``; owns the connection until it is closed or released.

    ``complete``: the HTTP framing has proved that the body is whole. It stays False for a body that
    only the end of the connection ends, whole or not.
    """

    def __init__(self, raw: HTTPResponse, sweeper: Sweeper) -> None:
        self._raw = raw
        self._file = cast(Any, raw)._fp.fp  # http.client's buffered reader; None if no body is due
        self._socket: Any = self._file.raw._sock if self._file else None
        # a TLS layer holds records that the socket below no longer shows as readable
        self._layered = hasattr(self._socket, "pending") or hasattr(self._socket, "sslobj")
        self._timeout = self._socket.gettimeout() if self._socket else None
        self.wait = sweeper.watch(self._socket.fileno()) if self._socket else None
        self.complete = self._socket is None

    def stream(self, amt: int | None = None, decode_content: bool = True) -> Iterator[bytes]:
        """The body as it arrives, b"" at a tick. ``amt`` is the caller's, who may not choose it.

        Raises urllib3's ProtocolError where the body breaks off, TimeoutError at a limit.
        """
        if self._socket is None:
            return
        plain = self._raw.chunked and "content-encoding" not in self._raw.headers
        try:
            yield from self._drained() if plain else self._read()
        except TimeoutError:
            raise
        except (ChunkedError, OSError) as error:
            raise ProtocolError(f"Connection broken: {error!r}", error) from error
        self.release_conn()

    def _drained(self) -> Iterator[bytes]:
        chunks = ChunkedDecoder()
        data = self._buffered()  # what came with the response's head
        if data:
            data = self._file.read(len(data))
        self._socket.settimeout(0)
        first = self._layered  # what it has decrypted already makes no socket readable
        while True:
            payload = chunks.feed(data)
            if chunks.complete:  # known before the last piece leaves, which then can end the answer
                self._socket.settimeout(self._timeout)
                self.complete = True
            if payload:
                yield payload
            if chunks.complete:
                return
            if first or cast(Any, self.wait).ready():
                first = False
                data = self._receive()
            else:
                data = b""
                yield data

    def _receive(self) -> bytes:
        """All that the connection has: one read of a plain socket, all records of a TLS one."""
        receive = self._socket.recv
        try:
            data: bytes = receive(READ_SIZE)
        except NOTHING_YET:
            return b""
        if not data:
            raise ConnectionError("closed before the last chunk")
        if not self._layered:
            return data
        records = [data]
        try:
            while more := receive(READ_SIZE):
                records.append(more)
        except NOTHING_YET:
            pass
        return b"".join(records)

    def _read(self) -> Iterator[bytes]:
        while True:
            if not self._buffered() and not cast(Any, self.wait).ready():
                yield b""
                continue
            data = self._raw.read1(READ_SIZE, decode_content=True)
            if data:
                yield data
            if self._raw.length_remaining == 0 or not data:
                break
        self.complete = bool(self._raw.chunked) or self._raw.length_remaining == 0

    def _buffered(self) -> bytes:
        """What can be had without waiting, left where it is."""
        self._socket.settimeout(0)
        try:
            peeked: bytes = self._file.peek(1)
        except NOTHING_YET:
            peeked = b""
        finally:
            self._socket.settimeout(self._timeout)
        return peeked

    def release_conn(self) -> None:
        """Done: a whole body's connection goes back to the pool, any other is closed."""
        if self.wait is None:
            return
        self.wait.close()
        self.wait = None
        raw = cast(Any, self._raw)
        if self.complete and raw._original_response is not None:
            raw._original_response.close()
            raw.release_conn()
        else:
            raw.close()

    close = release_conn
