"""One exchange while it happens: what the client sent and got, and what went to and came from the
upstream.

An exchange keeps references to bytes that exist anyway; it copies, reads and writes nothing. All of
them together may hold :attr:`Budget.left` bytes; what does not fit is left out and counted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic, time
from typing import TypeAlias

Timed: TypeAlias = tuple[float, bytes]
"""A moment in seconds since the exchange began, and bytes."""


@dataclass(slots=True)
class Budget:
    """Bytes that the exchanges in progress may hold together."""

    left: int


@dataclass(slots=True)
class Attempt:
    """One request to the upstream. ``status`` is 0 without a response. ``end`` is how its body
    ended: "whole", "broken off", or "closed" by the gateway.
    """

    at: float
    url: str
    body: bytes
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    reads: list[Timed] = field(default_factory=list)
    end: str = "closed"


class Exchange:
    """One request of a client, from its arrival to the end of its answer; an
    :class:`app.upstream.Tap`.

    ``headers`` are those of the client that a recording may hold. ``left_out`` counts bytes for
    which there was no room.
    """

    def __init__(self, method: str, path: str, headers: Mapping[str, str], budget: Budget) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.began_at = time()
        self.body = b""
        self.attempts: list[Attempt] = []
        self.status = 0
        self.answer: list[Timed] = []
        self.left_out = 0
        self._budget = budget
        self._held = 0
        self._started = monotonic()

    def received_body(self, body: bytes) -> None:
        """The client's request."""
        self.body = self._room(body)

    def sent(self, url: str, body: bytes) -> None:
        """A request to the upstream begins."""
        self.attempts.append(Attempt(self._now(), url, self._room(body)))

    def responded(self, status: int, headers: Mapping[str, str]) -> None:
        """The upstream accepted or refused it."""
        self.attempts[-1].status = status
        self.attempts[-1].headers = headers

    def read(self, data: bytes) -> None:
        """Bytes of the response, as they arrived; b"" for a tick without any."""
        if data and (kept := self._room(data)):
            self.attempts[-1].reads.append((self._now(), kept))

    def ended(self, complete: bool) -> None:
        """The response ended by itself; ``complete``: HTTP proved it whole."""
        self.attempts[-1].end = "whole" if complete else "broken off"

    def wrote(self, data: bytes) -> None:
        """Bytes of the answer to the client."""
        if data and (kept := self._room(data)):
            self.answer.append((self._now(), kept))

    def watch(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The pieces of an answer, each noted as it is passed on."""
        iterator = iter(pieces)
        try:
            for piece in iterator:
                self.wrote(piece)
                yield piece
        finally:
            if close := getattr(iterator, "close", None):
                close()

    def responded_with(self, status: int, body: bytes) -> None:
        """The status of the answer, and the body of an error."""
        self.status = status
        self.wrote(body)

    def forget(self) -> None:
        """Give the room back to other exchanges."""
        self._budget.left += self._held
        self._held = 0

    def _room(self, data: bytes) -> bytes:
        if len(data) > self._budget.left:
            self.left_out += len(data)
            return b""
        self._budget.left -= len(data)
        self._held += len(data)
        return data

    def _now(self) -> float:
        return monotonic() - self._started
