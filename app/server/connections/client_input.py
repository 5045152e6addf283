"""What a client sends, read in turns with what all other clients send.

A read that finds data does not wait, so neither another greenlet nor a timer gets its turn. A
client that sends without a pause would stop the worker. Here each read of a request after its first
``FREE_READS`` lets the others go first, and whoever reads has a deadline that does not depend on
a wait.
"""

import re
import select
from time import monotonic
from typing import Any

import gevent
from gevent.monkey import get_original
from gunicorn.http.errors import LimitRequestHeaders

FREE_READS = 2
"""Reads of a request without a pause before them: its head, and a body that came with it."""

TURN = 1e-6
"""Seconds of that pause. A pause of 0 would be over before the loop looks at other sockets: gevent
runs what is ready again and again for 5 ms first."""

READ = 8192
"""Bytes of one read of a head. Also bounds what of the next requests is read with it."""

MAX_HEAD = 64 * 1024
"""Bytes of a head; common fronts allow no more."""

MAX_LINE = 8190
"""Bytes of a request line, gunicorn's own limit."""

HEAD_END = re.compile(rb"\r\n\r\n|(?<!\r)\n")
"""The end of a head, or a line feed without its carriage return: gunicorn refuses that at once."""

LINGER_SECONDS, LINGER_PAUSE = 30.0, 5.0
"""How long a client may go on sending after its last answer, and how long a pause may take."""


class _EndedError(Exception):
    """Nothing more is read from a client that has sent nothing."""


class ClientInput:
    """The source of gunicorn's parser for one connection, instead of its socket."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._ready = b""
        self._reads = 0
        self._idle: Any = None  # the greenlet that waits for the first byte of a head
        self.head_bytes = 0

    def recv(self, size: int) -> bytes:
        """At most ``size`` bytes, or the head that :meth:`wait_for_head` has read."""
        if self._ready:
            data, self._ready = self._ready, b""
            return data
        self._reads += 1
        if self._reads > FREE_READS:
            gevent.sleep(TURN)
        received: bytes = self._client.recv(size)
        return received

    def wait_for_head(self, begun: bytes, seconds: float) -> bool:
        """Wait until the whole head of the next request is there; the next :meth:`recv` returns it.

        ``begun``: bytes that came behind the request before. False if the client sends no more.
        Raises TimeoutError after that many seconds, and LimitRequestHeaders for a head over
        ``MAX_HEAD`` bytes.
        """
        deadline = monotonic() + seconds
        self._reads = 0
        if begun:
            self._reads = FREE_READS
            gevent.sleep(TURN)  # a client that sends requests without a pause is one of many
        data = begun or self._first(deadline)
        if b"\r\n\r\n" not in data and not HEAD_END.search(data):
            data = self._rest_of_head(bytearray(data), deadline)
        self._ready = data
        self.head_bytes = len(data)
        return bool(data)

    def _first(self, deadline: float) -> bytes:
        self._idle = gevent.getcurrent()
        try:
            return self._before(deadline)
        except _EndedError:
            return b""
        finally:
            self._idle = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing of a next request was read yet."""
        return self._idle is not None

    def end_if_idle(self) -> None:
        """Wait no longer for a next request, unless some of it has arrived: what the kernel has is
        read. To be called in the event loop (hub) only.

        A shutdown of the socket would not do: the end that it makes would also be seen behind a
        request that arrives at that moment, and be taken for its client's leaving.
        """
        if self._idle is not None and not _is_readable(self._client):
            self._idle.throw(_EndedError)

    def _rest_of_head(self, data: bytearray, deadline: float) -> bytes:
        while len(data) <= MAX_HEAD:
            searched = max(0, len(data) - 3)  # an end may have begun in them
            piece = self._before(deadline)
            if not piece:
                return b""  # a client that has left amid its head
            data += piece
            if end := HEAD_END.search(data, searched):
                if end.end() > MAX_HEAD:
                    break
                return bytes(data)
        if data.find(b"\r\n", 0, MAX_LINE) < 0:
            return bytes(data)  # gunicorn says that the request line is too long
        self.head_bytes = len(data)
        raise LimitRequestHeaders(f"over {MAX_HEAD} bytes")

    def _before(self, deadline: float) -> bytes:
        left = deadline - monotonic()
        if left <= 0:
            raise TimeoutError
        self._client.settimeout(left)
        return self.recv(READ)

    def linger(self, seconds: float = LINGER_SECONDS) -> None:
        """Discard what the client still sends, until it ends: if its connection were closed now,
        the kernel would reset it, and the client might lose the answer that it has not read."""
        deadline = monotonic() + seconds
        while (left := deadline - monotonic()) > 0:
            gevent.sleep(TURN)
            self._client.settimeout(min(left, LINGER_PAUSE))
            if not self._client.recv(64 * 1024):
                return


def _is_readable(client: Any) -> bool:
    poll = get_original("select", "poll")()
    poll.register(client.fileno(), select.POLLIN)
    return bool(poll.poll(0))
