"""The body of a response, read so that nothing waits and many events leave together.

requests reads it by :meth:`ResponseBody.stream` (``iter_content(chunk_size=None)``): wait until the
socket has something, take all it has, remove the framing once.
"""

from collections.abc import Iterator
from math import inf

from requests.exceptions import ChunkedEncodingError

from .chunked import ChunkedDecoder
from .connection import READ_SIZE, Connection
from .errors import RemoteProtocolError
from .head import ResponseHead
from .pool import ConnectionPool
from .sweeper import Quiet


class TooLarge(Exception):
    """The body is larger than its reader allows."""


class LengthDecoder:
    """Checks a body of ``length`` bytes; None for one that ends with the connection."""

    def __init__(self, length: int | None) -> None:
        self._left = length
        self.complete = length == 0

    def feed(self, data: bytes) -> bytes:
        """``data``, all of which belongs to the body. Raises RemoteProtocolError for too much."""
        if self._left is not None:
            self._left -= len(data)
            self.complete = self._left == 0
            if self._left < 0:
                raise RemoteProtocolError("more bytes than Content-Length says")
        return data


class ResponseBody:
    """The ``raw`` of a requests.Response; owns the connection until it is closed or read whole.

    ``headers`` are those of the response, with lower-case names. ``complete``: the HTTP framing has
    proved that the body is whole. It stays False for a body that only the end of the connection
    ends, whole or not, and for one that ``ended_quietly``. ``wait`` has the limits of time; it is
    None once the body is closed. ``most``: bytes that the body may have.
    """

    def __init__(
        self, connection: Connection, head: ResponseHead, received: bytes, pool: ConnectionPool
    ) -> None:
        """``received``: the bytes of the body that came together with the head."""
        self.headers = head.headers
        self._connection = connection
        self._head = head
        self._received = received
        self._pool = pool
        self._framing = ChunkedDecoder() if head.chunked else LengthDecoder(head.length)
        self.wait = connection.wait
        self.most: float = inf
        self.ended_quietly = False
        self.complete = self._framing.complete and not received

    def stream(self, amt: int | None = None, decode_content: bool = True) -> Iterator[bytes]:
        """The body as it arrives, b"" at each tick of silence.

        requests passes the arguments, which have no effect: pieces are as large as the reads, and
        the adapter refuses encoded content. Raises requests' ChunkedEncodingError where the body
        breaks off, TimeoutError at a limit of time, TooLarge beyond ``most``.
        """
        framing, data, wait = self._framing, self._received, self.wait
        size = 0
        if wait is None:
            return
        try:
            while True:
                payload = framing.feed(data)
                self.complete = framing.complete  # before the last piece, which may end the reading
                if payload:
                    size += len(payload)
                    if size > self.most:
                        raise TooLarge
                    yield payload
                if self.complete:
                    break
                if wait.ready():
                    data = self._receive()
                else:
                    data = b""
                    yield data
        except EOFError:
            pass
        except Quiet:
            self.ended_quietly = True
        except TimeoutError:
            raise
        except (RemoteProtocolError, OSError) as error:
            raise ChunkedEncodingError(error) from error
        self.close()

    def _receive(self) -> bytes:
        """All that one read gives; b"" for less than a record of TLS.

        Raises EOFError where the end of the connection is the end of the body.
        """
        try:
            data: bytes = self._connection.sock.recv(READ_SIZE)
        except BlockingIOError:
            return b""
        if not data:
            if self._head.ends_with_connection:
                raise EOFError
            raise RemoteProtocolError("closed before the end of the body")
        return data

    def close(self) -> None:
        """Give the connection of a whole body back to the pool, close any other. Idempotent."""
        if self.wait is None:
            return
        self.wait = None
        if self.complete and self._head.keep_alive:
            self._connection.end_exchange()
            self._pool.put(self._connection)
        else:
            self._connection.close()
