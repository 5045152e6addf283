"""TLS on top of a connected socket, which may itself be TLS to a proxy.

The ssl module's socket reads the head of each record and its contents by a system call each, and
learns that nothing is left by a call that fails. Here one read of the socket below takes what has
come, and an SSLObject takes all records from a buffer in memory, as the documentation of the ssl
module describes for "Memory BIO support".
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from socket import SHUT_RD
from time import monotonic
from typing import Any, NamedTuple

from app.common.sockets import send_all

from .sweeper import seconds_until

RECORD = 16 * 1024
"""Bytes of the largest record, and what is encrypted or decrypted at once: the buffers of a
connection never shrink."""

LIFETIME = 3600.0
"""Seconds for which a session is used. A resumed handshake does not look at the certificate, so
this is also how long one that is not valid any more may be accepted."""

PAUSE = 10.0
"""Seconds between two looks at a peer's sessions. One costs a seventh of a handshake, which would
be lost on a peer that resumes none."""


class TlsSocket:
    """The part of a socket that a connection uses; owns ``outer``, the socket it is built on.

    Raises what ``outer`` raises, and SSLError. No decrypted byte is kept back: if ``outer`` is not
    readable, there is nothing to read.
    """

    __slots__ = ("_incoming", "_keep", "_outer", "_outgoing", "_tls")

    def __init__(
        self,
        outer: Any,
        context: ssl.SSLContext,
        host: str,
        session: ssl.SSLSession | None = None,
        keep: Callable[[ssl.SSLObject, bool], bool] = lambda tls, has_data: True,
    ) -> None:
        """The handshake, which is still to do, verifies the certificate for ``host``, or resumes
        the session. ``keep`` is called when something came after it, until it returns True, and
        told whether there was data: the server gives sessions of TLS 1.3 before that.
        """
        self._outer = outer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=host, session=session
        )
        self._keep: Callable[[ssl.SSLObject, bool], bool] | None = keep

    def do_handshake(self, timeout: float) -> None:
        """Raises OSError; TimeoutError after that many seconds, however slowly the peer's side
        comes. The connection is closed then. What the handshake has left to send goes out with the
        first data.
        """
        deadline = monotonic() + timeout
        try:
            while not self._try(self._tls.do_handshake):
                self._flush()
                self._outer.settimeout(seconds_until(deadline))
                self._receive()
        except BaseException:
            self.close()
            raise
        self._outer.settimeout(timeout)

    @staticmethod
    def _try(step: Callable[..., object], *arguments: bytes) -> bool:
        """Do a step of TLS; False if it needs more of the peer's bytes."""
        try:
            step(*arguments)
        except ssl.SSLWantReadError:
            return False
        return True

    def _receive(self) -> None:
        if came := self._outer.recv(RECORD):
            self._incoming.write(came)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        if self._outgoing.pending:
            send_all(self._outer, self._outgoing.read())

    def recv(self, size: int) -> bytes:
        """What the next ``size`` bytes of the socket below hold, decrypted; b"" at the end."""
        while True:
            came = self._outer.recv(size)
            if not came:
                return b""  # many peers close without saying so in TLS
            texts = self._decrypt(came)
            if self._keep is not None and self._keep(self._tls, bool(texts)):
                self._keep = None
            if texts:
                return texts[0] if len(texts) == 1 else b"".join(texts)

    def _decrypt(self, came: bytes) -> list[bytes]:
        """The contents of the records that are complete now, b"" for one that ends the stream."""
        incoming, read = self._incoming, self._tls.read
        texts: list[bytes] = []
        for at in range(0, len(came), RECORD):
            incoming.write(came[at : at + RECORD])
            try:
                texts.append(read(RECORD))
                while incoming.pending and texts[-1]:
                    texts.append(read(RECORD))
            except ssl.SSLWantReadError:
                pass  # a record whose rest is still to come
        self._flush()
        if texts and not texts[-1]:
            self.shutdown(SHUT_RD)  # readable from now on, though the peer may keep it open
        return texts

    def send(self, data: bytes) -> int:
        """Send all of the data."""
        for at in range(0, len(data), RECORD):
            piece = data[at : at + RECORD]
            while not self._try(self._tls.write, piece):
                self._flush()
                self._receive()
            self._flush()
        return len(data)

    def shutdown(self, how: int) -> None:
        """As for a socket; without effect on one that its peer has closed."""
        with suppress(OSError):
            self._outer.shutdown(how)

    def settimeout(self, seconds: float | None) -> None:
        """As for a socket."""
        self._outer.settimeout(seconds)

    def fileno(self) -> int:
        """The descriptor of the socket below all layers."""
        descriptor: int = self._outer.fileno()
        return descriptor

    def certificate(self) -> bytes | None:
        """The peer's, in DER."""
        return self._tls.getpeercert(binary_form=True)

    def close(self) -> None:
        """Close the connection, after the alert that says why, if there is one. Idempotent."""
        if self._outgoing.pending:
            self._outer.settimeout(0)
            with suppress(OSError):
                self._flush()
        self._outer.close()


class _Kept(NamedTuple):
    session: ssl.SSLSession | None  # None if the peer resumes none
    since: float


class Tls:
    """Makes TLS sockets that verify their peers, and resumes sessions: a handshake with a peer
    whose certificate was verified within :data:`LIFETIME` costs a third.

    ``clock`` gives seconds.
    """

    def __init__(self, context: ssl.SSLContext, clock: Callable[[], float] = monotonic) -> None:
        self._context = context
        self._clock = clock
        self._kept: dict[tuple[str, int], _Kept] = {}

    def start(self, sock: Any, host: str, port: int, timeout: float) -> TlsSocket:
        """A TLS socket on top of a connected one, which is then its own. Raises OSError, as
        :meth:`TlsSocket.do_handshake` does."""
        name = host.rstrip(".")
        peer = name, port
        keep = partial(self._keep, peer)
        try:
            wrapped = TlsSocket(sock, self._context, name, self._session(peer), keep)
            wrapped.do_handshake(timeout)
        except BaseException:
            self._kept.pop(peer, None)  # in case the session has to do with it
            sock.close()
            raise
        return wrapped

    def _session(self, peer: tuple[str, int]) -> ssl.SSLSession | None:
        kept = self._kept.get(peer)
        fresh = kept is not None and self._clock() - kept.since < LIFETIME
        return kept.session if kept is not None and fresh else None

    def _keep(self, peer: tuple[str, int], tls: ssl.SSLObject, has_data: bool) -> bool:
        """Keep the session of a handshake in which the certificate was verified. False if it may
        still come.
        """
        now, kept = self._clock(), self._kept.get(peer)
        if tls.session_reused or (kept is not None and now - kept.since < PAUSE):
            return True
        session = tls.session
        resumable = session is not None and (session.has_ticket or session.id)
        if resumable or has_data:
            self._kept[peer] = _Kept(session if resumable else None, now)
            return True
        return False
