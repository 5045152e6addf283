"""The body of an upstream answer, read so that nothing waits and many events leave together.

requests reads through :meth:`Body.stream` (``iter_content(chunk_size=None)``). A chunked body, what
CodeWhisperer sends, is drained: wait until the socket has something, take all it has, de-chunk it
once. Any other body, which urllib3 would hold back until its end, is read with the file's
``read1``, which gives what has come. In both, a tick of silence yields b"".
"""

from collections.abc import Iterator
from ssl import SSLWantReadError, SSLWantWriteError
from typing import cast

from urllib3.exceptions import ProtocolError

from .chunked import ChunkedDecoder, ChunkedError
from .connection import Head
from .sweeper import Sweeper, Wait

READ_SIZE = 64 * 1024
NOTHING_YET = (BlockingIOError, SSLWantReadError, SSLWantWriteError)


class Body:
    """Takes the place of ``response.raw``; owns the connection until it is closed or released.

    ``complete``: the HTTP framing has proved that the body is whole. It stays False for a body that
    only the end of the connection ends, whole or not.
    """

    def __init__(self, head: Head, sweeper: Sweeper) -> None:
        self._head = head
        self._file = head.file  # may hold the start of the body, read together with the head
        self._socket = head.socket
        # a TLS layer holds records that the socket below no longer shows as readable
        self._layered = hasattr(self._socket, "pending") or hasattr(self._socket, "sslobj")
        self._timeout = self._socket.gettimeout()
        self.wait: Wait | None = sweeper.watch(self._socket.fileno())
        self.complete = head.length == 0

    def stream(self, amt: int | None = None, decode_content: bool = True) -> Iterator[bytes]:
        """The body as it arrives, b"" at a tick. The arguments are the caller's, who may not choose
        them.

        Raises urllib3's ProtocolError where the body breaks off, TimeoutError at a limit.
        """
        try:
            yield from self._drained() if self._head.chunked else self._read()
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
            self.complete = chunks.complete  # told with the last piece, which can end the answer
            if payload:
                yield payload
            if self.complete:
                return
            if first or cast(Wait, self.wait).ready():
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
        left = self._head.length
        while left != 0:
            if not self._buffered() and not cast(Wait, self.wait).ready():
                yield b""
                continue
            data = self._file.read1(READ_SIZE if left is None else min(left, READ_SIZE))
            if not data and left is None:
                return  # perhaps the end
            if not data:
                raise ConnectionError("closed before the end that Content-Length tells")
            if left is not None:
                left -= len(data)
                self.complete = left == 0
            yield data

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
        """Done: the connection of a whole body is kept, any other closed. Idempotent."""
        if self.wait is not None:
            self.wait.close()
            self.wait = None
            self._socket.settimeout(self._timeout)
            self._head.release(whole=self.complete)

    close = release_conn
