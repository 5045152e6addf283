"""One client's connection: its requests, one after the other.

gunicorn's parser reads each request; its loop around the parser is replaced, since there a client
that sends without a pause stops the worker, and what cannot be parsed is logged as it was received
and answered with HTML.
"""

from collections.abc import Callable
from contextlib import suppress
from errno import ECONNRESET, ENOTCONN, EPIPE
from socket import SHUT_WR
from ssl import SSLError
from typing import Any, cast

import gevent
from gunicorn.http.unreader import SocketUnreader

from .client_input import LINGER_SECONDS, ClientInput
from .refusals import Refusals
from .request import ClientBody, ParsedRequest

DRAIN_SECONDS, DRAIN_BYTES = 5.0, 64 * 1024
"""What of a body may be read after its answer to reach the next request of the connection."""

LEFT = frozenset({EPIPE, ECONNRESET, ENOTCONN})


class Connection:
    """The connection of one client.

    ``answer(request)`` answers a request; it raises StopIteration for the last one. ``keepalive``:
    seconds in which the whole head of a next request must arrive.
    """

    def __init__(
        self,
        client: Any,
        address: Any,
        config: Any,
        *,
        answer: Callable[[Any], object],
        refusals: Refusals,
        log: Any,
    ) -> None:
        self._client = client
        self._address = address
        self._config = config
        self._answer = answer
        self._refusals = refusals
        self._log = log
        self._input = ClientInput(client)
        self._unreader: Any = SocketUnreader(cast(Any, self._input))
        self._count = 0
        self.trusts_peer: bool | None = None

    def serve(self) -> None:
        """All requests of the connection."""
        try:
            if (handshake := getattr(self._client, "do_handshake", None)) is not None:
                with gevent.Timeout(self._config.keepalive, TimeoutError):
                    handshake()
            while self._serve_one():
                pass
        except (TimeoutError, SSLError):
            pass  # it took too long for a head, or for its TLS handshake
        except OSError as error:
            if error.errno not in LEFT:
                self._log.exception("a client's connection failed")

    def refuse(self, error: Exception, *, linger: float = LINGER_SECONDS) -> None:
        """Answer a request that cannot be served, as the last one of its connection, which may stay
        open for ``linger`` seconds more."""
        self._refusals.answer(self._client, error, head_bytes=self._input.head_bytes)
        self._linger(linger)

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a request of which nothing was read yet."""
        return self._input.is_idle

    def end_if_idle(self) -> None:
        """End it, unless a request has begun to arrive. To be called in the event loop only."""
        self._input.end_if_idle()

    def _serve_one(self) -> bool:
        """Serve the next request. False if there is none, or if it was the last."""
        self._count += 1
        begun = self._unreader.take_buffered()
        request: Any = None
        try:
            if not self._input.wait_for_head(begun, self._config.keepalive):
                return False
            request = self._parse()
            self._answer(request)
        except StopIteration:
            if request is not None and not is_read(request.body):
                self._linger()
            return False
        except OSError:
            raise
        except Exception as error:  # gunicorn's for what is not HTTP, or a bug before the head
            self.refuse(error)
            return False
        if is_read(request.body) or discard(request.body):
            return True
        self._linger()
        return False

    def _parse(self) -> Any:
        return ParsedRequest(self, self._config, self._unreader, self._address, self._count)

    def _linger(self, seconds: float = LINGER_SECONDS) -> None:
        with suppress(OSError):
            self._client.shutdown(SHUT_WR)
            self._input.linger(seconds)


def is_read(body: ClientBody) -> bool:
    """Whether nothing of a body is left in the connection."""
    return body.ended and not body.failed


def discard(body: ClientBody) -> bool:
    """Read a body that nobody has asked for, if it is short. False if its end was not found."""
    left = DRAIN_BYTES
    with suppress(Exception), gevent.Timeout(DRAIN_SECONDS, TimeoutError):
        while left > 0:
            data = body.read(1024)
            if not data:
                return is_read(body)
            left -= len(data)
    return False  # too long or malformed
