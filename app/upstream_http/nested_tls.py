"""TLS inside TLS, for an https:// URL behind an https:// proxy.

``SSLContext.wrap_socket`` needs a plain socket; this pairs an SSLObject with memory buffers, as the
documentation of the ssl module describes for "Memory BIO support".
"""

import ssl
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_RECORD = 16 * 1024


class NestedTlsSocket:
    """The part of a socket that a connection uses; owns ``outer``, the TLS socket it is built on.

    Raises what ``outer`` raises; without a timeout (0) SSLWantReadError when nothing came.
    """

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, host: str) -> None:
        """The handshake, which is still to do, verifies the certificate for ``host``."""
        self._outer = outer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def do_handshake(self) -> None:
        """Without a timeout (0) to be called again after SSLWantReadError."""
        self._run(self._tls.do_handshake)

    def _run(self, step: Callable[[], T]) -> T:
        """Do one step of TLS, with the reads and writes below that it needs."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush()
                if data := self._outer.recv(_RECORD):
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                self._flush()  # the alert that says why
                raise
            else:
                self._flush()
                return result

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._outer.sendall(data)

    def recv(self, size: int) -> bytes:
        """Up to ``size`` bytes, b"" at the end of the connection."""
        try:
            return self._run(lambda: self._tls.read(size))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):  # as SSLSocket: many peers just close
            return b""

    def send(self, data: bytes) -> int:
        """Send all of the data."""
        return self._run(lambda: self._tls.write(data)) if data else 0

    def settimeout(self, seconds: float | None) -> None:
        """As for a socket."""
        self._outer.settimeout(seconds)

    def fileno(self) -> int:
        """The descriptor of the socket below both layers."""
        return self._outer.fileno()

    def close(self) -> None:
        """Close the connection."""
        self._outer.close()
