"""The body of an upstream answer, read so that nothing waits and many events leave together.

requests reads through :meth:`Body.stream` (``iter_content(chunk_size=None)``): wait until the
socket has something, take all it has, undo the framing once. A tick of silence yields b"".
"""

from collections.abc import Iterator
from ssl import SSLWantReadError, SSLWantWriteError

from urllib3.exceptions import ProtocolError

from .chunked import ChunkedDecoder, ChunkedError
from .connection import READ_SIZE, Head
from .sweeper import Sweeper, Wait

NOTHING_YET = (BlockingIOError, SSLWantReadError, SSLWantWriteError)


class Counted:
    """A body of ``length`` bytes; None: as many as come until the connection ends."""

    def __init__(self, length: int | None) -> None:
        self._left = length
        self.complete = length == 0

    def feed(self, data: bytes) -> bytes:
        """What of ``data`` is the body's, which is all. Raises ConnectionError for more."""
        if self._left is not None:
            self._left -= len(data)
            self.complete = self._left == 0
            if self._left < 0:
                raise ConnectionError("bytes behind the end that Content-Length tells")
        return data


class Body:
    """Takes the place of ``response.raw``; owns the connection until it is closed or released.

    ``complete``: the HTTP framing has proved that the body is whole. It stays False for a body that
    only the end of the connection ends, whole or not.
    """

    def __init__(self, head: Head, sweeper: Sweeper) -> None:
        self._head = head
        self._socket = head.socket
        self._framing = ChunkedDecoder() if head.chunked else Counted(head.length)
        # a TLS layer holds records that the socket below no longer shows as readable
        self._layered = hasattr(self._socket, "pending") or hasattr(self._socket, "sslobj")
        self.wait: Wait | None = sweeper.watch(self._socket.fileno())
        self.complete = self._framing.complete and not head.rest

    def stream(self, amt: int | None = None, decode_content: bool = True) -> Iterator[bytes]:
        """The body as it arrives, b"" at a tick. The arguments are the caller's, who may not choose
        them.

        Raises urllib3's ProtocolError where the body breaks off, TimeoutError at a limit.
        """
        try:
            yield from self._pieces()
        except TimeoutError:
            raise
        except (ChunkedError, OSError) as error:
            raise ProtocolError(f"Connection broken: {error!r}", error) from error
        self.release_conn()

    def _pieces(self) -> Iterator[bytes]:
        framing, data, wait = self._framing, self._head.rest, self.wait
        if wait is None:
            return
        self._socket.settimeout(0)
        first = self._layered  # what it has decrypted already makes no socket readable
        while True:
            payload = framing.feed(data)
            self.complete = framing.complete  # told with the last piece, which can end the answer
            if payload:
                yield payload
            if self.complete:
                return
            if first or wait.ready():
                first = False
                try:
                    data = self._receive()
                except EOFError:
                    return
            else:
                data = b""
                yield data

    def _receive(self) -> bytes:
        """All that the connection has: one read of a plain socket, all records of a TLS one.

        Raises EOFError where the end of the connection ends the body too.
        """
        receive = self._socket.recv
        try:
            data: bytes = receive(READ_SIZE)
        except NOTHING_YET:
            return b""
        if not data:
            if self._head.ends_with_connection:
                raise EOFError
            raise ConnectionError("closed before the end of the body")
        if not self._layered:
            return data
        records = [data]
        try:
            while more := receive(READ_SIZE):
                records.append(more)
        except NOTHING_YET:
            pass
        return b"".join(records)

    def release_conn(self) -> None:
        """Done: the connection of a whole body is kept, any other closed. Idempotent."""
        if self.wait is not None:
            self.wait.close()
            self.wait = None
            self._head.release(whole=self.complete)

    close = release_conn
